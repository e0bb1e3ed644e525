/**
 * How large the ranges are in which a stream reads. Large ones cost fewer requests, and hold more memory: three per
 * stream. Every stream may have ranges of its chunk size, which its reader has reckoned with; anything above comes out
 * of one budget for all streams of the store, of which each newcomer gets half of what is left at most. So a map task's
 * only input is read in ranges of 8 MiB, and a merge of 500 runs in ranges of a block. A GET costs about 1 ms of one
 * core, whatever its size, so ranges of 128 KiB are read at 100 MiB/s where those of 8 MiB are at 500.
 */
import { RANGES_PER_STREAM, type S3Limits } from './s3-limits.ts';

export class ReadAheadBudget {
  readonly #rangeBytesMax: number;
  #availableBytes: number;

  constructor({ readAheadBytes, readRangeBytes }: Pick<S3Limits, 'readAheadBytes' | 'readRangeBytes'>) {
    this.#availableBytes = readAheadBytes;
    this.#rangeBytesMax = readRangeBytes;
  }

  get availableBytes(): number {
    return this.#availableBytes;
  }

  /** A multiple of the chunk size, at least one chunk; `lengthBytes` is how much the stream reads at most. */
  lease({ chunkSizeBytes, lengthBytes }: { chunkSizeBytes: number; lengthBytes: number }): ReadAheadLease {
    const affordable = Math.min(this.#rangeBytesMax, this.#availableBytes / 2 / RANGES_PER_STREAM);
    const chunks = Math.min(Math.floor(affordable / chunkSizeBytes), Math.ceil(lengthBytes / chunkSizeBytes));
    if (chunks <= 1) return { rangeBytes: chunkSizeBytes, release: () => {} };
    const rangeBytes = chunks * chunkSizeBytes;
    let leasedBytes = Math.min(RANGES_PER_STREAM * rangeBytes, lengthBytes);
    this.#availableBytes -= leasedBytes;
    return {
      rangeBytes,
      release: () => {
        this.#availableBytes += leasedBytes;
        leasedBytes = 0;
      },
    };
  }
}

export interface ReadAheadLease {
  readonly rangeBytes: number;
  /** Called when the stream has ended; again does nothing. */
  release(): void;
}
