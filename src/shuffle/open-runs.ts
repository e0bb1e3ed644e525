/** How many runs are read at once, and in chunks of which size, within a budget of memory. */
import { KiB, LIMITS, MiB } from '../base/limits.ts';
import { KWayMerge } from './merge.ts';
import { RunCursor } from './run-cursor.ts';
import { RunReader, type RunSegment } from './run-reader.ts';

/** How runs are read within a budget: how many at once, and in chunks of which size. */
export interface OpenRunsBudget {
  readonly runsMax: number;
  readonly chunkBytes: number;
}

/** A stream fills two chunks while a third is read. */
const CHUNKS_PER_STREAM = 3;
const CHUNK_BYTES_MIN = 16 * KiB;
/** More than this for reading ahead makes nothing faster. */
const READ_AHEAD_BYTES_MAX = 24 * MiB;

/**
 * How to read `runs` runs in `memoryBytes`. An open run holds its raw block, the bytes that the next block is assembled
 * from (a block and a chunk), and its stream's chunks; chunks get smaller as runs get more, so that what is held grows
 * slowly with the size of the job.
 */
export function openRunsBudget(memoryBytes: number, blockBytes: number, runs: number): OpenRunsBudget {
  const runBytesMin = 2 * blockBytes + (CHUNKS_PER_STREAM + 1) * CHUNK_BYTES_MIN;
  const fitting = Math.floor(memoryBytes / runBytesMin);
  const runsMax = Math.max(LIMITS.openRunsMin, Math.min(LIMITS.openRunsMax, fitting));
  const open = Math.max(1, Math.min(runs, runsMax));
  const readAheadBytes = Math.min(READ_AHEAD_BYTES_MAX, memoryBytes - open * 2 * blockBytes);
  const share = readAheadBytes / open / (CHUNKS_PER_STREAM + 1);
  // A power of two: the buffer pool has no other sizes.
  const chunkBytes =
    2 ** Math.floor(Math.log2(Math.max(CHUNK_BYTES_MIN, Math.min(LIMITS.inputChunkBytes, share))));
  return { runsMax, chunkBytes };
}

/**
 * How large the blocks of these runs are: a block holds a whole record at least. Only the mean is known, which is right
 * where it matters most: where all records are large.
 */
export function blockBytesOf(segments: Iterable<RunSegment>): number {
  let recordBytes = 0;
  for (const { startBytes, endBytes, records } of segments) {
    if (records > 0) recordBytes = Math.max(recordBytes, (endBytes - startBytes) / records);
  }
  return LIMITS.blockBytes + (recordBytes > LIMITS.blockBytes / 8 ? Math.ceil(recordBytes) : 0);
}

export function openMerge(segments: readonly RunSegment[], chunkBytes: number): KWayMerge {
  return new KWayMerge(
    segments.map((segment, index) => new RunCursor(new RunReader(segment, chunkBytes), index, segment.key)),
  );
}
