/** Decides how many runs are read at once, and in chunks of which size, within a memory budget. */
import { KiB, LIMITS, MiB } from '../base/limits.ts';
import type { PhaseClock } from '../base/phase-clock.ts';
import { KWayMerge } from './merge.ts';
import { RunCursor } from './run-cursor.ts';
import { RunReader, type RunSegment } from './run-reader.ts';

/** How many runs may be open at once, and the size of the chunks in which each is read. */
export interface OpenRunsBudget {
  readonly runsMax: number;
  readonly chunkBytes: number;
}

/** A stream fills two chunks while the reader uses a third. */
const CHUNKS_PER_STREAM = 3;
const CHUNK_BYTES_MIN = 16 * KiB;
/** Reading ahead more than this is not faster. */
const READ_AHEAD_BYTES_MAX = 24 * MiB;

/**
 * Decides how to read `runs` runs in `memoryBytes`. An open run holds its raw block, the bytes from which it assembles
 * the next block (a block and a chunk), and the chunks of its stream. Chunks get smaller as the number of runs grows,
 * so memory grows slowly with the size of the job.
 */
export function openRunsBudget(memoryBytes: number, blockBytes: number, runs: number): OpenRunsBudget {
  const runBytesMin = 2 * blockBytes + (CHUNKS_PER_STREAM + 1) * CHUNK_BYTES_MIN;
  const fitting = Math.floor(memoryBytes / runBytesMin);
  const runsMax = Math.max(LIMITS.openRunsMin, Math.min(LIMITS.openRunsMax, fitting));
  const open = Math.max(1, Math.min(runs, runsMax));
  const readAheadBytes = Math.min(READ_AHEAD_BYTES_MAX, memoryBytes - open * 2 * blockBytes);
  const share = readAheadBytes / open / (CHUNKS_PER_STREAM + 1);
  // A power of two, because the buffer pool has no other sizes.
  const chunkBytes =
    2 ** Math.floor(Math.log2(Math.max(CHUNK_BYTES_MIN, Math.min(LIMITS.inputChunkBytes, share))));
  return { runsMax, chunkBytes };
}

/**
 * Estimates the size of the blocks of these runs. A block holds at least one whole record, but only the mean size of
 * the records is known. The estimate is right when it matters most: when all records are large.
 */
export function blockBytesOf(segments: Iterable<RunSegment>): number {
  let recordBytes = 0;
  for (const { startBytes, endBytes, records } of segments) {
    if (records > 0) recordBytes = Math.max(recordBytes, (endBytes - startBytes) / records);
  }
  return LIMITS.blockBytes + (recordBytes > LIMITS.blockBytes / 8 ? Math.ceil(recordBytes) : 0);
}

/**
 * Opens the runs for a merge. If their store can serve only a few reads at the moment, so many are opened at once: the others
 * would wait in the store, in front of the attempt's other requests.
 *
 * @param phases  counts the time for decompressing and verifying blocks
 */
export function openMerge(
  segments: readonly RunSegment[],
  chunkBytes: number,
  phases?: PhaseClock,
): KWayMerge {
  return new KWayMerge(
    segments.map(
      (segment, index) =>
        new RunCursor(new RunReader(segment, chunkBytes, phases), index, segment.origin ?? segment.key),
    ),
    () => segments[0]!.store.readsAtOnce,
  );
}
