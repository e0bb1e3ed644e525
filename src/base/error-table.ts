/**
 * The table of all errors. For each name, it defines whether a coordinator retries, how the command exits, what the
 * user can do next, and the text in docs/errors.md. Retry policies, exit codes and the hints in failure.json come from
 * here. `npm run update:errors` writes docs/errors.md, and a test compares it.
 *
 * Names are a wire contract: Step Functions matches them in `ErrorEquals`, and threads send them to each other.
 */

/**
 * - `never`: no retry, because another attempt would fail again.
 * - `attempts`: retries up to the maximum number of attempts.
 * - `repair`: retries once; then the coordinator repairs what the error names, and runs the task again.
 */
export type RetryClass = 'never' | 'attempts' | 'repair';

/** What the user can do after a job failed on AWS. src/aws/protocol/hints.ts has the texts. */
export type HintKind = (typeof HINT_KINDS)[number];

export const HINT_KINDS = [
  'correct-request',
  'submit-again',
  'more-memory',
  'see-logs',
  'redrive',
  'redrive-when-fixed',
  'redrive-other-code',
] as const;

export interface ErrorRow {
  readonly retry: RetryClass;
  /** The exit code of the command before the first task starts: 2 if its caller can correct the error. Later it is 1. */
  readonly exitCode: 1 | 2;
  readonly hints: readonly HintKind[];
  /** The hints once the job has a plan, if they differ. */
  readonly hintsWhenPlanned?: readonly HintKind[];
  /** What happened, in one sentence. */
  readonly meaning: string;
}

/** These hints also apply to errors that are not in the table. */
export const LOOK_AND_RESUME: readonly HintKind[] = ['see-logs', 'redrive-when-fixed'];
const CORRECT: readonly HintKind[] = ['correct-request'];

export const ERROR_TABLE = {
  UsageError: {
    retry: 'never',
    exitCode: 2,
    hints: CORRECT,
    // The plan accepted the request, so something else is wrong. For example, a role lacks a permission.
    hintsWhenPlanned: LOOK_AND_RESUME,
    meaning: 'A flag, path, parameter or permission is wrong. The message names it and says what is allowed.',
  },
  JobDefinitionError: {
    retry: 'never',
    exitCode: 2,
    hints: CORRECT,
    meaning: 'The job module does not load, or the job definition is invalid.',
  },
  UserCodeError: {
    // User code may depend on an outside service that recovers.
    retry: 'attempts',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'map, combine, partition or reduce threw an error.',
  },
  UnencodableValueError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'The codec of the key or value cannot encode a key or value that the job emitted.',
  },
  PartitionOutOfRangeError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'partition() returned something other than a whole number from 0 to reducers - 1.',
  },
  RecordTooLargeError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'A record exceeds the maximum size of the engine, or the memory budget.',
  },
  InputNotFoundError: {
    retry: 'never',
    exitCode: 2,
    hints: CORRECT,
    meaning: 'An input does not exist, or was removed after it was listed.',
  },
  InputChangedError: {
    retry: 'never',
    exitCode: 1,
    hints: ['submit-again'],
    meaning: 'An input was overwritten while the job ran.',
  },
  BudgetExceededError: {
    retry: 'never',
    exitCode: 2,
    hints: CORRECT,
    meaning: 'The job would have more tasks, or cost more, than its request allows (maxTasks, maxDollars).',
  },
  CodeChangedError: {
    retry: 'never',
    exitCode: 2,
    hints: ['redrive-other-code'],
    meaning: 'The deployment runs other code than the job started with, and the redrive did not accept that.',
  },
  CorruptInputError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'An input is damaged or in the wrong format, for example a truncated gzip file.',
  },
  BadRecordError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning:
      'A record of the input is malformed or does not match its schema, or there are more of them than onBadRecord allows. The message names its file and place.',
  },
  OutputExistsError: {
    retry: 'never',
    exitCode: 2,
    hints: CORRECT,
    meaning: 'The output already contains results, or files that no job wrote.',
  },
  CorruptShuffleError: {
    retry: 'repair',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'Intermediate data is damaged or missing. The coordinator repairs it.',
  },
  PreconditionFailedError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'The condition of a conditional read or write was not met (HTTP 412).',
  },
  ObjectNotFoundError: {
    retry: 'attempts',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'An object that the engine needs does not exist (HTTP 404).',
  },
  StorageError: {
    retry: 'attempts',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'Storage failed in a way that may be temporary: an I/O error, HTTP 503 or a connection reset.',
  },
  DiskFullError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'The device has no space left.',
  },
  WorkerDiedError: {
    retry: 'attempts',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'The thread or process of a worker ended before it finished its task.',
  },
  WorkerOutOfMemoryError: {
    retry: 'attempts',
    exitCode: 1,
    hints: ['more-memory', 'redrive'],
    meaning: 'A worker ran out of memory.',
  },
  TaskStalledError: {
    retry: 'attempts',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'A task made no progress for longer than the stall timeout.',
  },
  DeadlineNearError: {
    retry: 'attempts',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: "A task stopped itself shortly before its function's time limit.",
  },
  TaskTimedOutError: {
    retry: 'attempts',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'Lambda or Step Functions stopped a function at its time limit.',
  },
  BooksDoNotBalanceError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning:
      'One stage read a different number of records or bytes than the previous stage wrote, or than the input contains.',
  },
  TaskFailedError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'A task used up its attempts. The message ends with the error of the last attempt.',
  },
  CancelledError: {
    retry: 'never',
    exitCode: 1,
    hints: ['redrive'],
    meaning:
      'The job was cancelled. A command stopped by a signal exits with 128 plus the number of the signal, so 130 for Ctrl-C.',
  },
  JobAlreadyClaimedError: {
    retry: 'never',
    exitCode: 1,
    hints: CORRECT,
    meaning: 'Another request already uses this job id.',
  },
} as const satisfies Record<string, ErrorRow>;

/** The name of one of the errors in docs/errors.md, for example `'UserCodeError'`. */
export type ErrorName = keyof typeof ERROR_TABLE;

// The cast: Object.keys() returns string[].
export const ERROR_NAMES = Object.keys(ERROR_TABLE) as readonly ErrorName[];

/** Whether the table has this name. Names that every object inherits, such as `toString`, do not count. */
export function isErrorName(name: string): name is ErrorName {
  return Object.hasOwn(ERROR_TABLE, name);
}

/** @returns undefined for a name that is not in the table */
export function errorRow(name: string): ErrorRow | undefined {
  return isErrorName(name) ? ERROR_TABLE[name] : undefined;
}
