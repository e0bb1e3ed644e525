/**
 * Merges runs into runs: the spills of a map task into its shuffle object, and a reducer's runs into fewer when there
 * are more than may be open at once.
 */
import { closeSync } from 'node:fs';
import { giveBuffer } from '../base/buffer-pool.ts';
import { KiB, LIMITS, MiB } from '../base/limits.ts';
import type { AttemptControl } from '../base/progress.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import type { ValueFold } from '../fold/fold.ts';
import { FileStore } from '../storage/file/file-store.ts';
import { openLocalFile, writeFully } from '../storage/local-file.ts';
import type { BlockCompression } from './block.ts';
import { GroupKey, KWayMerge } from './merge.ts';
import { RunCursor } from './run-cursor.ts';
import { RunReader, type RunSegment } from './run-reader.ts';
import { type PartitionExtent, RunWriter } from './run-writer.ts';

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

/**
 * Appends the merged records of the segments to the writer, folding equal keys where there is a fold. `flush` is
 * awaited about every LIMITS.uploadChunkBytes of blocks.
 */
export async function mergeInto(
  writer: RunWriter,
  segments: readonly RunSegment[],
  {
    fold,
    chunkBytes,
    flush,
    control,
  }: { fold: ValueFold | undefined; chunkBytes: number; flush: () => Promise<void>; control: AttemptControl },
): Promise<{ recordsIn: number; recordsOut: number }> {
  const appender = fold === undefined ? new PlainAppender(writer) : new FoldingAppender(writer, fold);
  if (segments.length === 0) return appender;
  const merge = openMerge(segments, chunkBytes);
  let flushedBytes = writer.bytesWritten;
  try {
    while (await merge.ready()) {
      control.check();
      appender.appendStretch(merge);
      if (writer.bytesWritten - flushedBytes >= LIMITS.uploadChunkBytes) {
        flushedBytes = writer.bytesWritten;
        await flush();
      }
    }
    appender.endGroup();
    return appender;
  } finally {
    await merge.close();
  }
}

class PlainAppender {
  recordsIn = 0;
  readonly #writer: RunWriter;

  constructor(writer: RunWriter) {
    this.#writer = writer;
  }

  get recordsOut(): number {
    return this.recordsIn;
  }

  appendStretch(merge: KWayMerge): void {
    const writer = this.#writer;
    do {
      writer.append(merge.current);
      this.recordsIn++;
    } while (merge.next());
  }

  endGroup(): void {}
}

class FoldingAppender {
  recordsIn = 0;
  recordsOut = 0;
  readonly #writer: RunWriter;
  readonly #fold: ValueFold;
  readonly #key = new GroupKey();
  readonly #value = new GrowableSink(64);
  readonly #folded = new RecordSlice();
  #open = false;

  constructor(writer: RunWriter, fold: ValueFold) {
    this.#writer = writer;
    this.#fold = fold;
  }

  appendStretch(merge: KWayMerge): void {
    const fold = this.#fold;
    do {
      const record = merge.current;
      this.recordsIn++;
      if (this.#open && this.#key.holds(record)) {
        fold.add(record.valueBytes, record.valueStart, record.valueEnd);
      } else {
        this.endGroup();
        this.#key.take(record);
        fold.start(record.valueBytes, record.valueStart, record.valueEnd);
        this.#open = true;
      }
    } while (merge.next());
  }

  endGroup(): void {
    if (!this.#open) return;
    this.#value.reset();
    this.#fold.writeTo(this.#value);
    const folded = this.#folded;
    folded.keyBytes = this.#key.bytes;
    folded.keyEnd = this.#key.end;
    folded.valueBytes = this.#value.bytes;
    folded.valueEnd = this.#value.end;
    this.#writer.append(folded);
    this.recordsOut++;
    this.#open = false;
  }
}

/** A run in a local file, written synchronously. */
export class LocalRun {
  readonly writer: RunWriter;
  readonly #folder: string;
  readonly #name: string;
  readonly #file: number;

  constructor({
    folder,
    name,
    compression,
    blockBytes,
  }: { folder: string; name: string; compression: BlockCompression; blockBytes: number }) {
    this.#folder = folder;
    this.#name = name;
    this.#file = openLocalFile(`${folder}/${name}`, 'w');
    this.writer = new RunWriter({
      compression,
      blockBytes,
      emitBlock: (block) => {
        writeFully(this.#file, block);
        giveBuffer(block);
      },
    });
  }

  /** Ends the run; answers its segments, one for each partition. */
  finish(): RunSegment[] {
    closeSync(this.#file);
    const store = new FileStore({ root: this.#folder });
    return this.writer.extents.map((extent: PartitionExtent) => ({
      store,
      key: this.#name,
      etag: undefined,
      startBytes: extent.startBytes,
      endBytes: extent.startBytes + extent.lengthBytes,
      records: extent.records,
    }));
  }

  /** Closes the file of a run that will not be finished. */
  abandon(): void {
    closeSync(this.#file);
  }
}

/**
 * Merges neighbouring runs into local ones until at most `budget.runsMax` are left. Order is kept: a merged run takes
 * the place of those that it was made of. Each pass reads and writes everything once; of two passes the first merges
 * only as many as it must.
 */
export async function reduceRunCount(
  segments: readonly RunSegment[],
  {
    budget,
    folder,
    fold,
    compression,
    blockBytes,
    control,
    onMerged,
  }: {
    budget: OpenRunsBudget;
    folder: string;
    fold: ValueFold | undefined;
    compression: BlockCompression;
    blockBytes: number;
    control: AttemptControl;
    /** Told what each merged run took on disk, and how many records its folding saved. */
    onMerged: (merged: { bytes: number; recordsIn: number; recordsOut: number }) => void;
  },
): Promise<readonly RunSegment[]> {
  let current = segments;
  let pass = 0;
  while (current.length > budget.runsMax) {
    const next: RunSegment[] = [];
    // Groups as large as may be, but no more merging than it takes to get down to runsMax.
    let surplus = current.length - budget.runsMax;
    for (let start = 0; start < current.length; ) {
      const size = Math.min(budget.runsMax, surplus + 1, current.length - start);
      if (size < 2) {
        next.push(current[start++]!);
        continue;
      }
      const run = new LocalRun({ folder, name: `merge-${pass}-${next.length}`, compression, blockBytes });
      let merged: { recordsIn: number; recordsOut: number };
      try {
        merged = await mergeInto(run.writer, current.slice(start, start + size), {
          fold,
          chunkBytes: budget.chunkBytes,
          flush: async () => {},
          control,
        });
        run.writer.endPartition();
      } catch (error) {
        run.abandon();
        throw error;
      }
      onMerged({
        bytes: run.writer.bytesWritten,
        recordsIn: merged.recordsIn,
        recordsOut: merged.recordsOut,
      });
      next.push(...run.finish());
      surplus -= size - 1;
      start += size;
    }
    current = next;
    pass++;
  }
  return current;
}
