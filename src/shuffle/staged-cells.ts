/**
 * Copies large cells into a local file before they are merged. A merge reads hundreds of cells in turns, and memory holds only
 * a piece of each; a store that is far away would be asked for every piece. Copied whole, a cell is one request.
 *
 *     objects of the map tasks   | ...[cell]... |   | ..[cell].... |   | .[cell]... |     one GET for each cell
 *     local file                 | cell | cell | cell |                                  the merge reads it in pieces
 *
 * A sort of a terabyte has 228,340 cells of about 4 MiB. A function of 1,769 MB holds 126 KiB of each of the 512 that it merges
 * at once, so without the copies it would be 7.5 million requests, for which S3 takes 23 minutes.
 */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toMapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import type { PhaseClock } from '../base/phase-clock.ts';
import type { AttemptControl } from '../base/progress.ts';
import { sumOf } from '../base/sum.ts';
import { FileStore } from '../storage/file/file-store.ts';
import { mayPass, type RunSegment } from './run-reader.ts';

/** What decides which cells are copied; given where requests to the store cost time and money. */
export interface StagingSpace {
  /** Bytes of local files that the attempt may have. */
  readonly scratchBytes: number;
  /** The largest cell that is a single request anyway, if it is read in chunks of this size. */
  readonly streamedBytesMax: (chunkBytes: number) => number;
}

export interface StageCellsOptions {
  readonly space: StagingSpace;
  /** The chunks in which the cells will be read. */
  readonly chunkBytes: number;
  /** An existing local folder. */
  readonly folder: string;
  /** For the copies in flight. */
  readonly memoryBytes: number;
  readonly control: AttemptControl;
  /** Counts the time for copying as waiting. */
  readonly phases: PhaseClock;
  /** Creates the local file. Default: in the file system; simulations keep no bytes. */
  readonly create?: (path: string) => Promise<CopyFile>;
}

export type CopyFile = Pick<FileHandle, 'write' | 'close'>;

/** Segments to merge, some of which are local copies. */
export interface StagedSegments {
  readonly segments: readonly RunSegment[];
  /** Removes the copies, after the merge. */
  readonly release: () => Promise<void>;
}

/** Copies the cells of one partition, for one merge after the other. */
export class CellStager {
  readonly #cells: ReadonlySet<RunSegment>;
  readonly #options: StageCellsOptions;
  /** Bytes of copies, and of runs that earlier merges have written. */
  #usedBytes = 0;
  #files = 0;

  /** @param cells  those of the partition; other segments are local already */
  constructor(cells: readonly RunSegment[], options: StageCellsOptions) {
    this.#cells = new Set(cells);
    this.#options = options;
  }

  /** Called for each run that a merge has written into a local file. */
  written(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /**
   * Copies the large cells among the segments, as many as there is space for, and returns all segments in the same order.
   *
   * @param reservedBytes  space for what the merge of these segments will write
   */
  async stage(
    segments: readonly RunSegment[],
    { reservedBytes = 0 }: { reservedBytes?: number } = {},
  ): Promise<StagedSegments> {
    const { folder, space, phases } = this.#options;
    const staged = this.#largeCells(segments, space.scratchBytes - this.#usedBytes - reservedBytes);
    if (staged.size === 0) return { segments, release: async () => {} };
    const stagedBytes = sumOf([...staged.keys()], lengthOf);
    this.#usedBytes += stagedBytes;
    const name = `cells-${this.#files++}`;
    await phases.timeAsync('waiting', () => this.#copy(staged, join(folder, name)));
    const store = new FileStore({ root: folder });
    return {
      segments: segments.map((segment) => {
        const at = staged.get(segment);
        if (at === undefined) return segment;
        const place = { key: name, etag: undefined, startBytes: at, endBytes: at + lengthOf(segment) };
        return { ...place, store, records: segment.records, origin: segment.key };
      }),
      release: async () => {
        this.#usedBytes -= stagedBytes;
        await rm(join(folder, name), { force: true });
      },
    };
  }

  /** The large cells that there is space for, and where each starts in the local file. */
  #largeCells(segments: readonly RunSegment[], spaceBytes: number): Map<RunSegment, number> {
    const { space, chunkBytes } = this.#options;
    const streamedMax = space.streamedBytesMax(chunkBytes);
    const staged = new Map<RunSegment, number>();
    let at = 0;
    for (const segment of segments) {
      const length = lengthOf(segment);
      if (length <= streamedMax || at + length > spaceBytes || !this.#cells.has(segment)) continue;
      staged.set(segment, at);
      at += length;
    }
    return staged;
  }

  async #copy(staged: ReadonlyMap<RunSegment, number>, path: string): Promise<void> {
    const { memoryBytes, control, create = created } = this.#options;
    const ranges = [...staged].flatMap(([segment, at]) => rangesOf(segment, at));
    const largest = ranges.reduce((most, { start, end }) => Math.max(most, end - start), 0);
    const atOnce = copiesAtOnce(largest, memoryBytes);
    const file = await create(path);
    try {
      await mapBounded(ranges, atOnce, async (range) => {
        control.check();
        await write(file, await bytesOf(range), range.at);
      });
    } finally {
      await file.close();
    }
  }
}

/** How many ranges of this size are copied at once. */
export function copiesAtOnce(rangeBytes: number, memoryBytes: number): number {
  const bytesInFlight = Math.min(LIMITS.stagedBytesInFlightMax, memoryBytes);
  return Math.max(1, Math.min(LIMITS.stagedReadsMax, Math.floor(bytesInFlight / rangeBytes)));
}

interface StagedRange {
  readonly segment: RunSegment;
  /** Half-open, in the object. */
  readonly start: number;
  readonly end: number;
  /** In the local file. */
  readonly at: number;
}

function rangesOf(segment: RunSegment, at: number): StagedRange[] {
  const { startBytes, endBytes } = segment;
  const count = Math.ceil(lengthOf(segment) / LIMITS.stagedRangeBytes);
  return Array.from({ length: count }, (_, index) => {
    const start = startBytes + index * LIMITS.stagedRangeBytes;
    const end = Math.min(endBytes, start + LIMITS.stagedRangeBytes);
    return { segment, start, end, at: at + start - startBytes };
  });
}

function lengthOf({ startBytes, endBytes }: RunSegment): number {
  return endBytes - startBytes;
}

/** Repeats what may succeed on another try: otherwise all cells would be copied again. */
async function bytesOf({ segment: { store, key, etag }, start, end }: StagedRange): Promise<Buffer> {
  const condition = etag === undefined ? {} : { ifMatch: etag };
  for (let repeated = 0; ; repeated++) {
    try {
      return await store.get(key, { range: { start, end }, ...condition });
    } catch (error) {
      if (!mayPass(error) || repeated === LIMITS.runReopensMax) throw error;
    }
  }
}

async function created(path: string): Promise<CopyFile> {
  try {
    return await open(path, 'w');
  } catch (error) {
    throw toMapReduceError(error);
  }
}

async function write(file: CopyFile, bytes: Buffer, position: number): Promise<void> {
  try {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
      written += bytesWritten;
    }
  } catch (error) {
    throw toMapReduceError(error);
  }
}
