/** What an error says about the place where it happened. */
import { type AttemptId, isAttemptId, isJobId, isTaskId, type JobId, type TaskId } from './ids.ts';
import { readField } from './thrown.ts';

/** The task whose committed object is damaged or missing, or the index that the map barrier writes. */
export type RepairTarget = TaskId | 'shuffle-index';

/** Where the error happened, as far as is known. Plain data, because threads and failure.json pass it on. */
export interface ErrorDetails {
  /** The name that the job's definition gives. */
  jobName?: string;
  /** The job: its name, the second in which it started, and a random part; on AWS, what the request says. */
  jobId?: JobId;
  /** The task, such as `m-00003` for a map task or `r-00001` for a reduce task. */
  taskId?: TaskId;
  /** The attempt: the id of its task and what distinguishes it from the task's other attempts. */
  attemptId?: AttemptId;
  /** The user's function that was running. */
  phase?: 'input' | 'map' | 'combine' | 'partition' | 'reduce' | 'setup' | 'codec' | 'output';
  /** The input file: a path or an object key. */
  file?: string;
  /** The byte at which the record starts in that file, after decompression. */
  offsetBytes?: number;
  /** The number of the record, counted from 0, for input that is counted in records, such as generated input. */
  record?: number;
  /** The key whose group was being reduced or combined, as text. */
  groupKey?: string;
  /** The object that a storage error concerns. */
  objectKey?: string;
  /** For a CorruptShuffleError, what must be repaired before another attempt can succeed. */
  toRepair?: RepairTarget;
  /** The stack trace of the user's code. */
  userStack?: string;
}

type Checks = {
  readonly [K in keyof Required<ErrorDetails>]: (value: unknown) => value is Required<ErrorDetails>[K];
};

const PHASES: readonly unknown[] = [
  'input',
  'map',
  'combine',
  'partition',
  'reduce',
  'setup',
  'codec',
  'output',
];
const isText = (value: unknown): value is string => typeof value === 'string';

const CHECKS: Checks = {
  jobName: isText,
  jobId: (value) => isText(value) && isJobId(value),
  taskId: (value): value is TaskId => isText(value) && isTaskId(value),
  attemptId: (value) => isText(value) && isAttemptId(value),
  phase: (value): value is NonNullable<ErrorDetails['phase']> => PHASES.includes(value),
  file: isText,
  offsetBytes: (value): value is number => Number.isFinite(value),
  record: (value): value is number => Number.isFinite(value),
  groupKey: isText,
  objectKey: isText,
  toRepair: (value): value is RepairTarget => value === 'shuffle-index' || (isText(value) && isTaskId(value)),
  userStack: isText,
};

/**
 * Copies the details that have the type of their field. The job's own code can create a MapReduceError with anything as
 * its details, also with what can be neither cloned nor written as JSON. Never throws.
 */
export function plainDetails(details: unknown): ErrorDetails {
  const plain: ErrorDetails = {};
  if (typeof details !== 'object' || details === null) return plain;
  for (const [name, isValid] of Object.entries(CHECKS)) {
    const value = readField(details, name);
    if (isValid(value)) Object.assign(plain, { [name]: value });
  }
  return plain;
}
