/**
 * Decides the size of the ranges in which a stream reads. Large ranges cost fewer requests but more memory: each stream
 * holds three. Every stream may have ranges of its chunk size, for which its reader has planned. Anything more comes from
 * one budget for all streams of the store.
 *
 * A stream with full-size chunks is one of few, such as the only input of a map task. It may use half of what is left, and
 * reads ranges of 8 to 16 MiB. A merge of many runs requests smaller chunks the more runs it has open (merge-runs.ts). So a small
 * chunk shows how many streams share the budget, and each gets the same share; otherwise the first streams would use it up,
 * and the last ones would need a request for every 16 KiB. A stream that fits in its share as a whole, or in three of its
 * chunks, is a single request.
 *
 * A GET costs about 1 ms of one core, whatever its size: ranges of 128 KiB are read at 100 MiB/s, those of 8 MiB at 500. On
 * AWS it also costs money.
 */
import { KiB, LIMITS } from '../../base/limits.ts';
import { RANGES_PER_STREAM, type S3Limits } from './s3-limits.ts';

/** The chunk size of each run when a merge has the maximum number of runs open. */
const CHUNK_BYTES_OF_MOST_RUNS = 16 * KiB;

/** The largest stream that is a single request, if many such streams are read at the same time. */
export function wholeStreamBytesMax(
  chunkSizeBytes: number,
  { readAheadBytes, readRangeBytes }: Pick<S3Limits, 'readAheadBytes' | 'readRangeBytes'>,
): number {
  const share = readAheadBytes * shareFraction(chunkSizeBytes);
  return Math.min(readRangeBytes, Math.max(share, RANGES_PER_STREAM * chunkSizeBytes));
}

/** The part of the whole budget that a stream of a merge may use. */
function shareFraction(chunkSizeBytes: number): number {
  return chunkSizeBytes / CHUNK_BYTES_OF_MOST_RUNS / LIMITS.openRunsMax;
}

export class ReadAheadBudget {
  readonly #rangeBytesMax: number;
  readonly #totalBytes: number;
  #availableBytes: number;

  constructor({ readAheadBytes, readRangeBytes }: Pick<S3Limits, 'readAheadBytes' | 'readRangeBytes'>) {
    this.#totalBytes = readAheadBytes;
    this.#availableBytes = readAheadBytes;
    this.#rangeBytesMax = readRangeBytes;
  }

  get availableBytes(): number {
    return this.#availableBytes;
  }

  /** Returns a range size that is a multiple of the chunk size. `lengthBytes` is the most that the stream will read. */
  lease({ chunkSizeBytes, lengthBytes }: { chunkSizeBytes: number; lengthBytes: number }): ReadAheadLease {
    const share = this.#shareBytes(chunkSizeBytes);
    const reckonedBytes = RANGES_PER_STREAM * chunkSizeBytes;
    const lengthChunks = Math.ceil(lengthBytes / chunkSizeBytes);
    // A stream that fits as a whole is one range, even if its last chunk is shorter.
    const affordableChunks =
      lengthBytes <= Math.max(share, reckonedBytes)
        ? lengthChunks
        : Math.floor(share / RANGES_PER_STREAM / chunkSizeBytes);
    const chunks = Math.min(Math.floor(this.#rangeBytesMax / chunkSizeBytes), affordableChunks);
    if (chunks <= 1) return { rangeBytes: chunkSizeBytes, release: () => {} };
    const rangeBytes = chunks * chunkSizeBytes;
    const heldBytes = Math.min(RANGES_PER_STREAM * rangeBytes, lengthBytes);
    let leasedBytes = heldBytes <= reckonedBytes ? 0 : heldBytes;
    this.#availableBytes -= leasedBytes;
    return {
      rangeBytes,
      release: () => {
        this.#availableBytes += leasedBytes;
        leasedBytes = 0;
      },
    };
  }

  /** How much memory the stream may use. */
  #shareBytes(chunkSizeBytes: number): number {
    if (chunkSizeBytes >= LIMITS.inputChunkBytes) return this.#availableBytes / 2;
    return Math.min(this.#availableBytes, this.#totalBytes * shareFraction(chunkSizeBytes));
  }
}

export interface ReadAheadLease {
  readonly rangeBytes: number;
  /** Called when the stream has ended. Further calls do nothing. */
  release(): void;
}
