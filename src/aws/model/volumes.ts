/** How many bytes a job reads, shuffles and writes, by one guess about its code. */
import type { JobShape } from './job-shape.ts';
import type { KnownShuffle, PointTraits } from './point.ts';

export interface Volumes {
  readonly plainBytes: number;
  readonly largestPlainBytes: number;
  readonly shuffleBytes: number;
  readonly largestShuffleBytes: number;
  /** That are not empty. */
  readonly cells: number;
  readonly cellBytes: number;
  readonly outputBytes: number;
}

/** A record with its share of a block. */
const CELL_BYTES_MIN = 32;

export function volumesOf(job: JobShape, traits: PointTraits, known: KnownShuffle | undefined): Volumes {
  const { maps, reducers, inputBytes, compressedBytes } = job;
  const plainOf = (bytes: number, compressed: number) => bytes + compressed * (traits.inflation - 1);
  const plainBytes = plainOf(inputBytes, compressedBytes);
  const largestPlainBytes = plainOf(job.largestSplitBytes, job.largestSplitCompressedBytes);
  const shuffleOf = (bytes: number) => Math.min(bytes * traits.shuffleRatio, traits.shuffleBytesOfSplitMax);
  const shuffleBytes = known?.shuffleBytes ?? (maps === 0 ? 0 : maps * shuffleOf(plainBytes / maps));
  const cells = known?.cells ?? Math.min(maps * reducers, Math.floor(shuffleBytes / CELL_BYTES_MIN));
  return {
    plainBytes,
    largestPlainBytes,
    shuffleBytes,
    largestShuffleBytes:
      known === undefined ? shuffleOf(largestPlainBytes) : shuffleBytes / Math.max(1, maps),
    cells,
    cellBytes: cells === 0 ? 0 : shuffleBytes / cells,
    outputBytes: plainBytes * traits.outputRatio,
  };
}
