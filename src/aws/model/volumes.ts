/** How many bytes a job reads, shuffles and writes, by one guess about its code. */
import { SHUFFLE_FACTS } from './facts.ts';
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

/** Stored bytes of a shuffle for each byte of its records, as for SHUFFLE_FACTS. */
const STORED_FRACTION = SHUFFLE_FACTS.sortRatio.value;

/** A job that writes its records out, each once: fewer bytes than its shuffle if maps share keys. */
function knownOutput({ shuffleBytes }: KnownShuffle, plainBytes: number, { maps }: JobShape): number {
  const rawBytes = shuffleBytes / STORED_FRACTION;
  // Little of the input is left if keys were combined; then the maps share many of their keys.
  return rawBytes > plainBytes / 2 ? rawBytes : rawBytes / Math.sqrt(Math.max(1, maps));
}

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
    outputBytes: known === undefined ? plainBytes * traits.outputRatio : knownOutput(known, plainBytes, job),
  };
}
