/**
 * The one table of errors: for each name, what a coordinator does about it, how the command exits, what a person can do
 * next, and what docs/errors.md says. Retry policies, exit codes, the hints in failure.json and that page all come from
 * here (`npm run update:errors` writes the page, a test compares it).
 *
 * Names are a wire contract: Step Functions matches them in `ErrorEquals`, and threads send them to each other.
 */

/**
 * - `never`: another attempt would only fail again.
 * - `attempts`: within the bound on attempts.
 * - `repair`: one more look; then the coordinator makes again what the error names, and runs the task after that.
 */
export type RetryClass = 'never' | 'attempts' | 'repair';

/** What a person can do after a job failed on AWS; src/aws/protocol/hints.ts has the words. */
export type HintKind = (typeof HINT_KINDS)[number];

export const HINT_KINDS = [
  'correct-request',
  'submit-again',
  'more-memory',
  'see-logs',
  'redrive',
  'redrive-when-fixed',
] as const;

export interface ErrorRow {
  readonly retry: RetryClass;
  /** Of the command when no task had begun: 2 for what its caller can correct. Once a task runs it is 1. */
  readonly exitCode: 1 | 2;
  readonly hints: readonly HintKind[];
  /** Once the job has a plan, where other hints fit then. */
  readonly hintsWhenPlanned?: readonly HintKind[];
  /** One sentence: what happened. */
  readonly meaning: string;
}

/** Also for errors that are not in the table. */
export const LOOK_AND_RESUME: readonly HintKind[] = ['see-logs', 'redrive-when-fixed'];
const CORRECT: readonly HintKind[] = ['correct-request'];

export const ERROR_TABLE = {
  UsageError: {
    retry: 'never',
    exitCode: 2,
    hints: CORRECT,
    // The plan has accepted the request, so something else is wrong: a role lacks a permission, for example.
    hintsWhenPlanned: LOOK_AND_RESUME,
    meaning: 'A flag, path, parameter or permission is wrong; the message says which, and what is allowed.',
  },
  JobDefinitionError: {
    retry: 'never',
    exitCode: 2,
    hints: CORRECT,
    meaning: 'The job module does not load, or its definition makes no sense.',
  },
  UserCodeError: {
    // User code may depend on something outside that recovers.
    retry: 'attempts',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'map, combine, partition or reduce threw.',
  },
  UnencodableValueError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'The codec of the key or value cannot encode what the job emitted.',
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
    meaning: 'One record is larger than the bound of the engine or the memory budget.',
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
  CorruptInputError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'An input cannot be read as what it is, for example a truncated gzip file.',
  },
  OutputExistsError: {
    retry: 'never',
    exitCode: 2,
    hints: CORRECT,
    meaning: 'The output already has results, or files that are not of mapreduce.',
  },
  CorruptShuffleError: {
    retry: 'repair',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'An intermediate is truncated, fails its checksum or is gone; the coordinator makes it again.',
  },
  PreconditionFailedError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'A conditional read or write did not hold (HTTP 412).',
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
    meaning: 'Storage failed in a way that may pass: an I/O error, HTTP 503, a connection reset.',
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
    meaning: "A worker's thread or process ended without an answer.",
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
    meaning: 'A function was ended at its time limit.',
  },
  BooksDoNotBalanceError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: 'The records or bytes that one stage wrote differ from what the next one read.',
  },
  TaskFailedError: {
    retry: 'never',
    exitCode: 1,
    hints: LOOK_AND_RESUME,
    meaning: "A task used up its attempts; the message ends with the last attempt's error.",
  },
  CancelledError: {
    retry: 'never',
    exitCode: 1,
    hints: ['redrive'],
    meaning:
      'The job was cancelled. A command that a signal stopped exits with 128 + its number: 130 for Ctrl-C.',
  },
  JobAlreadyClaimedError: {
    retry: 'never',
    exitCode: 1,
    hints: CORRECT,
    meaning: 'Another request has this job id.',
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof ERROR_TABLE;

// The cast: Object.keys() forgets the names.
export const ERROR_NAMES = Object.keys(ERROR_TABLE) as readonly ErrorName[];

/** One of the table's names; names that every object has, such as `toString`, are not. */
export function isErrorName(name: string): name is ErrorName {
  return Object.hasOwn(ERROR_TABLE, name);
}

/** @returns undefined for a name that is not in the table */
export function errorRow(name: string): ErrorRow | undefined {
  return isErrorName(name) ? ERROR_TABLE[name] : undefined;
}
