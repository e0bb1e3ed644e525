/**
 * What every store refuses, in the same words: keys that hold no object, conditions that do not hold, ranges and
 * metadata that cannot be meant.
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
    `another writer was first: ${where} already exists, and this write asked to be the only one`,
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
    `${where} changed: expected ETag ${etags.expected}, found ${etags.found}. Read it again once nobody writes to it.`,
    { details: { objectKey: key } },
  );
}

/** The asked range cut to the object: 0 <= start <= end <= sizeBytes. */
export function clampRange(range: ReadOptions['range'], sizeBytes: number): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: sizeBytes };
  const { start, end } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new RangeError(
      `a byte range is [start, end) with 0 <= start <= end, both whole; received [${start}, ${end})`,
    );
  }
  return { start: Math.min(start, sizeBytes), end: Math.min(end, sizeBytes) };
}

export function checkedChunkSize(chunkSizeBytes: number): number {
  if (Number.isSafeInteger(chunkSizeBytes) && chunkSizeBytes > 0) return chunkSizeBytes;
  throw new RangeError(`chunkSizeBytes is a whole number of at least 1; received ${chunkSizeBytes}`);
}

/** What S3 takes, so that metadata which works here works there; a frozen copy. */
export function checkedMetadata(metadata: Metadata = NO_METADATA): Metadata {
  let sizeBytes = 0;
  for (const [name, value] of Object.entries(metadata)) {
    sizeBytes += name.length + value.length;
    if (!/^[a-z0-9-]+$/.test(name)) {
      throw new TypeError(`a metadata name is lower-case letters, digits and dashes; received '${name}'`);
    }
    if (!/^[\x20-\x7e]*$/.test(value)) {
      throw new TypeError(
        `a metadata value is printable ASCII; received ${JSON.stringify(value)} for '${name}'`,
      );
    }
  }
  if (sizeBytes > METADATA_BYTES_MAX) {
    throw new RangeError(`metadata is at most ${METADATA_BYTES_MAX} bytes in all; received ${sizeBytes}`);
  }
  return sizeBytes === 0 ? NO_METADATA : Object.freeze({ ...metadata });
}

export const NO_METADATA: Metadata = Object.freeze({});

/** S3's bound on user-defined metadata. */
const METADATA_BYTES_MAX = 2048;
