/** How a function divides its memory and its /tmp. */
import { LIMITS, MiB } from '../../base/limits.ts';
import type { StagingSpace } from '../../shuffle/staged-cells.ts';
import { S3_LIMITS } from '../../storage/s3/s3-limits.ts';
import { wholeStreamBytesMax } from '../../storage/s3/s3-read-ahead.ts';

/** The function of map and reduce tasks, as the construct has configured it. */
export interface TaskFunction {
  readonly memoryMb: number;
  /** The size of /tmp. */
  readonly scratchMb: number;
}

/** For Node, the SDK, the bundle and its JavaScript heap. */
const RUNTIME_BYTES = 256 * MiB;
/**
 * The buffers' part of the remaining memory. The rest is for chunks in flight, the user's objects and the garbage
 * collector.
 */
const BUFFER_FRACTION = 0.5;
/**
 * The part of the rest that is for reading ahead. A reducer that merges many runs reads larger pieces, so less often.
 */
const READ_AHEAD_FRACTION = 0.25;
const READ_AHEAD_BYTES_MAX = 512 * MiB;
/** The part of the rest that is for uploads. Larger parts cost fewer requests; those above 64 MiB are not worth more memory. */
const UPLOAD_FRACTION = 1 / 3;
const UPLOAD_BYTES_MAX = 4 * S3_LIMITS.partBytesMax;

/** Bytes for the buffers of an attempt, in a function with that much memory. */
export function memoryBudgetBytes(functionBytes: number): number {
  const budget = Math.floor((functionBytes - RUNTIME_BYTES) * BUFFER_FRACTION);
  return Math.min(LIMITS.memoryBytesMax, Math.max(LIMITS.memoryBytesMin, budget));
}

/** Bytes that an attempt may have in flight from S3, in addition to those buffers. */
export function readAheadBytes(functionBytes: number): number {
  const share = Math.floor(restBytes(functionBytes) * READ_AHEAD_FRACTION);
  return Math.min(READ_AHEAD_BYTES_MAX, Math.max(S3_LIMITS.readAheadBytes, share));
}

/** Bytes for the parts of an attempt's uploads, in addition to both. */
export function uploadBytes(functionBytes: number): number {
  const share = Math.floor(restBytes(functionBytes) * UPLOAD_FRACTION);
  return Math.min(UPLOAD_BYTES_MAX, Math.max(S3_LIMITS.uploadBytes, share));
}

function restBytes(functionBytes: number): number {
  return functionBytes - RUNTIME_BYTES - memoryBudgetBytes(functionBytes);
}

/** Spills need some space, too. */
const STAGED_FRACTION = 0.9;

/** For the reduce tasks of this function: which cells they copy to /tmp, to read each with one request. */
export function stagingSpace({ memoryMb, scratchMb }: TaskFunction): StagingSpace {
  const { readRangeBytes } = S3_LIMITS;
  const limits = { readRangeBytes, readAheadBytes: readAheadBytes(memoryMb * MiB) };
  return {
    scratchBytes: scratchMb * MiB * STAGED_FRACTION,
    // Few runs are read in large chunks, with few requests.
    streamedBytesMax: (chunkBytes) =>
      chunkBytes >= LIMITS.inputChunkBytes
        ? Number.POSITIVE_INFINITY
        : wholeStreamBytesMax(chunkBytes, limits),
  };
}
