/**
 * How large the ranges are in which a stream reads. Large ones cost fewer requests, and hold more memory: three per
 * stream. Every stream may have ranges of its chunk size, which its reader has reckoned with; anything above comes out
 * of one budget for all streams of the store.
 *
 * A stream of whole chunks is one of few, such as the only input of a map task: it may have half of what is left, and
 * reads ranges of 8 MiB. A reader of many runs at once asks for chunks that get smaller as runs get more (merge-runs.ts),
 * so a small chunk says how many share the budget, and each gets the same part of it: what the first ones took would cost
 * the last ones a request for every 16 KiB. A stream that fits its part as a whole, or fits three of its chunks, is a
 * single request.
 *
 * A GET costs about 1 ms of one core, whatever its size, so ranges of 128 KiB are read at 100 MiB/s where those of 8 MiB
 * are at 500; and on AWS it costs money.
 */
import { KiB, LIMITS } from '../../base/limits.ts';
import { RANGES_PER_STREAM, type S3Limits } from './s3-limits.ts';

/** Of the most runs that a merge has open at once, each is read in chunks of this size. */
const CHUNK_BYTES_OF_MOST_RUNS = 16 * KiB;

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

  /** A multiple of the chunk size, at least one chunk; `lengthBytes` is how much the stream reads at most. */
  lease({ chunkSizeBytes, lengthBytes }: { chunkSizeBytes: number; lengthBytes: number }): ReadAheadLease {
    const share = this.#shareBytes(chunkSizeBytes);
    const reckonedBytes = RANGES_PER_STREAM * chunkSizeBytes;
    const lengthChunks = Math.ceil(lengthBytes / chunkSizeBytes);
    // A stream that may be held as a whole is one range, although its last chunk is not whole.
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

  /** What a stream may hold. */
  #shareBytes(chunkSizeBytes: number): number {
    if (chunkSizeBytes >= LIMITS.inputChunkBytes) return this.#availableBytes / 2;
    const fraction = chunkSizeBytes / CHUNK_BYTES_OF_MOST_RUNS / LIMITS.openRunsMax;
    return Math.min(this.#availableBytes, this.#totalBytes * fraction);
  }
}

export interface ReadAheadLease {
  readonly rangeBytes: number;
  /** Called when the stream has ended; again does nothing. */
  release(): void;
}
