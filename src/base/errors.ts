/**
 * Every way in which a job can fail, as one family. What code decides by is in fields (`name`, `details`, `cause`), never
 * in the message, which is for people: what happened, the value received, what is allowed and the next step. Names come
 * from the table in error-table.ts, not from a class (a bundler may rename classes).
 */
import { ERROR_TABLE, type ErrorName, isErrorName } from './error-table.ts';
import { errnoOf } from './field-of.ts';
import type { AttemptId, JobId, TaskId } from './ids.ts';
import { isInstance, thrownFields } from './thrown.ts';

/** The task whose committed object is damaged or gone, or the index that the map barrier makes. */
export type RepairTarget = TaskId | 'shuffle-index';

export { type ErrorName, isErrorName };

/** Where it happened, as far as is known. Plain data: it crosses threads and goes into failure.json. */
export interface ErrorDetails {
  jobName?: string;
  jobId?: JobId;
  taskId?: TaskId;
  attemptId?: AttemptId;
  /** Which of the user's functions was running. */
  phase?: 'map' | 'combine' | 'partition' | 'reduce' | 'setup' | 'codec';
  /** Input file (path or object key) and the byte offset at which the record starts. */
  file?: string;
  offsetBytes?: number;
  /** The key whose group was being reduced or combined, printed. */
  groupKey?: string;
  /** The object in question, for storage errors. */
  objectKey?: string;
  /** Of a CorruptShuffleError: what must be made again before another attempt can succeed. */
  toRepair?: RepairTarget;
  /** The user's own stack trace. */
  userStack?: string;
}

export interface SerializedError {
  name: string;
  message: string;
  stack?: string;
  /** Absent from an error that is not one of ours. */
  details?: ErrorDetails;
  cause?: SerializedError;
}

export class MapReduceError extends Error {
  override readonly name: ErrorName;
  readonly details: ErrorDetails;

  constructor(
    name: ErrorName,
    message: string,
    { details = {}, cause }: { details?: ErrorDetails; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = name;
    this.details = details;
  }

  get retryable(): boolean {
    return ERROR_TABLE[this.name].retry !== 'never';
  }
}

export function isMapReduceError(error: unknown, name?: ErrorName): error is MapReduceError {
  return error instanceof MapReduceError && (name === undefined || error.name === name);
}

/** What an error asks to have repaired; undefined for any other error. */
export function repairTarget(error: unknown): RepairTarget | undefined {
  return isMapReduceError(error, 'CorruptShuffleError') ? error.details.toRepair : undefined;
}

/** What is not one of ours is a defect or a passing fault of the platform: worth another attempt, within bounds. */
export function isRetryable(error: unknown): boolean {
  return error instanceof MapReduceError ? error.retryable : true;
}

/** The same error with more known about where it happened; what the error already knows wins. */
export function withDetails(error: unknown, details: ErrorDetails): MapReduceError {
  const known = toMapReduceError(error);
  const merged = new MapReduceError(known.name, known.message, {
    details: { ...details, ...known.details },
    ...(known.cause === undefined ? {} : { cause: known.cause }),
  });
  if (known.stack !== undefined) merged.stack = known.stack;
  return merged;
}

/** Wraps whatever was thrown outside user code. An unknown error counts as a storage fault only if errno says so. */
export function toMapReduceError(error: unknown): MapReduceError {
  if (isInstance(error, MapReduceError)) return error;
  const { message } = thrownFields(error);
  const code = isInstance(error, Error) ? errnoOf(error) : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new MapReduceError(
      'DiskFullError',
      `no space left on the device: ${message}. Free some, or name folders on a larger one: --output for results, --scratch for what is spilled.`,
      {
        cause: error,
      },
    );
  }
  return new MapReduceError('StorageError', message, { cause: error });
}

/** For the way between threads, processes and into failure.json; `cause` chains are kept, at most 5 deep. */
export function serializeError(error: unknown, depth = 0): SerializedError {
  const { name, message, stack, cause } = thrownFields(error);
  return {
    name,
    message,
    ...(stack === undefined ? {} : { stack }),
    ...(isInstance(error, MapReduceError) ? { details: error.details } : {}),
    ...(cause === undefined || depth >= 5 ? {} : { cause: serializeError(cause, depth + 1) }),
  };
}

/** Only what was one of ours has `details`: an error class of the user's may have one of our names. */
export function deserializeError({ name, message, stack, details, cause: inner }: SerializedError): Error {
  const cause = inner === undefined ? undefined : deserializeError(inner);
  const error =
    details !== undefined && isErrorName(name)
      ? new MapReduceError(name, message, { details, cause })
      : Object.assign(new Error(message, cause === undefined ? undefined : { cause }), { name });
  if (stack !== undefined) error.stack = stack;
  return error;
}
