/**
 * The errors that all stores have in common: missing objects, conditions that do not hold, invalid ranges and metadata.
 */
import { MapReduceError } from '../base/errors.ts';
import type { Metadata, ReadOptions } from './object-store.ts';

export function objectNotFound(where: string, key: string, cause?: unknown): MapReduceError {
  return new MapReduceError('ObjectNotFoundError', `there is no object at ${where}`, {
    details: { objectKey: key },
    cause,
  });
}

export function alreadyExists(where: string, key: string, cause?: unknown): MapReduceError {
  return new MapReduceError(
    'PreconditionFailedError',
    `${where} already exists: another writer was first, and this write must not replace it`,
    { details: { objectKey: key }, cause },
  );
}

export function changedSince(
  where: string,
  key: string,
  etags: { expected: string; found: string },
): MapReduceError {
  return new MapReduceError(
    'PreconditionFailedError',
    `${where} changed: expected ETag ${etags.expected}, found ${etags.found}. Try again when nothing writes to it.`,
    { details: { objectKey: key } },
  );
}

/** The requested range, cut to the size of the object: 0 <= start <= end <= sizeBytes. */
export function clampRange(range: ReadOptions['range'], sizeBytes: number): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: sizeBytes };
  const { start, end } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new RangeError(
      `a byte range must be [start, end) with whole numbers 0 <= start <= end; received [${start}, ${end})`,
    );
  }
  return { start: Math.min(start, sizeBytes), end: Math.min(end, sizeBytes) };
}

export function checkedChunkSize(chunkSizeBytes: number): number {
  if (Number.isSafeInteger(chunkSizeBytes) && chunkSizeBytes > 0) return chunkSizeBytes;
  throw new RangeError(`chunkSizeBytes must be a whole number of at least 1; received ${chunkSizeBytes}`);
}

/** Returns a frozen copy. All stores accept only what S3 accepts, so that metadata works the same on each. */
export function checkedMetadata(metadata: Metadata = NO_METADATA): Metadata {
  let sizeBytes = 0;
  for (const [name, value] of Object.entries(metadata)) {
    sizeBytes += name.length + value.length;
    if (!/^[a-z0-9-]+$/.test(name)) {
      throw new TypeError(
        `a metadata name must consist of lower-case letters, digits and dashes; received '${name}'`,
      );
    }
    if (!/^[\x20-\x7e]*$/.test(value)) {
      throw new TypeError(
        `a metadata value must be printable ASCII; received ${JSON.stringify(value)} for '${name}'`,
      );
    }
  }
  if (sizeBytes > METADATA_BYTES_MAX) {
    throw new RangeError(
      `metadata must have at most ${METADATA_BYTES_MAX} bytes in all; received ${sizeBytes}`,
    );
  }
  return sizeBytes === 0 ? NO_METADATA : Object.freeze({ ...metadata });
}

export const NO_METADATA: Metadata = Object.freeze({});

/** S3's bound on user-defined metadata. */
const METADATA_BYTES_MAX = 2048;
