/**
 * The errors of a job. Code decides by fields (`name`, `details`, `cause`), never by the message. The message is for
 * people: it says what happened, the value received, what is allowed and what to do next. Names come from the table in
 * error-table.ts instead of from classes, because a bundler may rename classes.
 */
import { type ErrorDetails, plainDetails, type RepairTarget } from './error-details.ts';
import { type ErrorName, errorRow, isErrorName } from './error-table.ts';
import { errnoOf } from './field-of.ts';
import { isInstance, readField, thrownFields } from './thrown.ts';

export type { ErrorDetails, RepairTarget };
export { type ErrorName, isErrorName };

export interface SerializedError {
  name: string;
  message: string;
  stack?: string;
  /** Absent unless the error is a MapReduceError. */
  details?: ErrorDetails;
  cause?: SerializedError;
}

/**
 * Every error that mapreduce reports. `name` says what happened (docs/errors.md lists the names, and what each one means for
 * retries and exit codes), `message` what to do, `details` where, and `cause` what was thrown originally. Formats and codecs
 * of your own may throw it too.
 *
 * @example
 * // In an input format, for a record that cannot be read: the job fails, and nothing is retried.
 * throw new MapReduceError('CorruptInputError', `byte ${at} starts no record`, { details: { offsetBytes: at } });
 */
export class MapReduceError extends Error {
  /** Set from the table of errors, never from a class, because a bundler may rename classes. */
  override readonly name: ErrorName;
  /** Where it happened, as far as is known. */
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
    return errorRow(this.name)?.retry !== 'never';
  }
}

export function isMapReduceError(error: unknown, name?: ErrorName): error is MapReduceError {
  return error instanceof MapReduceError && (name === undefined || error.name === name);
}

/** What must be repaired because of this error; undefined if nothing must be. */
export function repairTarget(error: unknown): RepairTarget | undefined {
  return isMapReduceError(error, 'CorruptShuffleError') ? error.details.toRepair : undefined;
}

/** An error that is not a MapReduceError is retryable, because it may be a temporary fault of the platform. */
export function isRetryable(error: unknown): boolean {
  return error instanceof MapReduceError ? error.retryable : true;
}

/** Returns a copy of the error with these details added. Details that the error already has take precedence. */
export function withDetails(error: unknown, details: ErrorDetails): MapReduceError {
  const known = toMapReduceError(error);
  const merged = new MapReduceError(known.name, known.message, {
    details: { ...details, ...known.details },
    ...(known.cause === undefined ? {} : { cause: known.cause }),
  });
  if (known.stack !== undefined) merged.stack = known.stack;
  return merged;
}

/** Wraps anything thrown outside user code: as a DiskFullError if its errno says so, otherwise as a StorageError. */
export function toMapReduceError(error: unknown): MapReduceError {
  if (isInstance(error, MapReduceError)) return error;
  const { message } = thrownFields(error);
  const code = isInstance(error, Error) ? errnoOf(error) : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new MapReduceError(
      'DiskFullError',
      `no space left on the device: ${message}. Free some space, or choose folders on a larger device: --output for results, --scratch for spilled data.`,
      {
        cause: error,
      },
    );
  }
  return new MapReduceError('StorageError', message, { cause: error });
}

/** Converts an error to plain data, for other threads and processes and for failure.json. Keeps up to 5 causes. */
export function serializeError(error: unknown, depth = 0): SerializedError {
  const { name, message, stack, cause } = thrownFields(error);
  return {
    name,
    message,
    ...(stack === undefined ? {} : { stack }),
    ...(isInstance(error, MapReduceError) ? { details: plainDetails(readField(error, 'details')) } : {}),
    ...(cause === undefined || depth >= 5 ? {} : { cause: serializeError(cause, depth + 1) }),
  };
}

/** Restores a MapReduceError only if there are `details`, because an error of the user may have the same name. */
export function deserializeError({ name, message, stack, details, cause: inner }: SerializedError): Error {
  const cause = inner === undefined ? undefined : deserializeError(inner);
  const error =
    details !== undefined && isErrorName(name)
      ? new MapReduceError(name, message, { details, cause })
      : Object.assign(new Error(message, cause === undefined ? undefined : { cause }), { name });
  if (stack !== undefined) error.stack = stack;
  return error;
}
