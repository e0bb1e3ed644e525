/**
 * Merges runs whose records are passed on as they are. A WebAssembly kernel merges them and copies them, a block at a time, so
 * that no record is looked at in JavaScript. KWayMerge (merge.ts) does the same where WebAssembly cannot run.
 */
import { RecordSlice } from '../codec/record-slice.ts';
import { corrupt } from './block.ts';
import { openAll } from './merge.ts';
import { ENDED, type MergeMemory, NEEDS_BLOCK, TOO_LARGE } from './merge-memory.ts';
import type { MergeOptions } from './merge-options.ts';
import type { BulkSink, RecordSink } from './record-sink.ts';
import { RunReader, type RunSegment } from './run-reader.ts';

export interface BulkMergeOptions extends Required<Omit<MergeOptions, 'sink'>> {
  readonly memory: MergeMemory;
  readonly sink: RecordSink;
  readonly bulk: BulkSink;
  /** Called with the number of records that were passed on. */
  readonly onRecords: (records: number) => void;
}

/** Merges the segments, one or more, into the sink. */
export async function mergeInBulk(segments: readonly RunSegment[], options: BulkMergeOptions): Promise<void> {
  const { memory, control, onStretch, sink, chunkBytes } = options;
  const { phases, fetch, consume } = options.timing;
  memory.reset(segments.length);
  const runs = segments.map(
    (segment, run) => new BulkRun(new RunReader(segment, chunkBytes, phases), { run, segment, memory }),
  );
  const merged = new MergedBlocks(options);
  try {
    await openAll(runs, () => segments[0]!.store.readsAtOnce);
    memory.play();
    for (let isMerging = true; isMerging; ) {
      control.check();
      phases.enter(consume);
      const status = merged.passOn();
      if (sink.wantsFlush) await phases.timeAsync('writing', () => sink.flush());
      onStretch();
      isMerging = status !== ENDED;
      if (status !== NEEDS_BLOCK) continue;
      phases.enter(fetch);
      await runs[memory.winner]!.nextBlock();
      memory.replay();
    }
  } finally {
    await Promise.all(runs.map((run) => run.close()));
  }
}

class MergedBlocks {
  readonly #options: BulkMergeOptions;
  readonly #record = new RecordSlice();
  /** Records of the block that is not complete. */
  #records = 0;

  constructor(options: BulkMergeOptions) {
    this.#options = options;
  }

  /** Merges until a block is complete, or until a run needs a block. */
  passOn(): number {
    const { memory, bulk, sink, onRecords } = this.#options;
    const { status, records } = memory.merge(bulk);
    this.#records += records;
    const isComplete = status !== NEEDS_BLOCK || memory.mergedBytes >= bulk.blockBytes;
    if (isComplete && this.#records > 0) {
      bulk.appendBlock(memory.takeMerged(), this.#records);
      onRecords(this.#records);
      this.#records = 0;
    }
    if (status !== TOO_LARGE) return status;
    memory.locate(this.#record);
    sink.append(this.#record);
    onRecords(1);
    return memory.skip();
  }
}

class BulkRun {
  readonly #reader: RunReader;
  readonly #place: { run: number; segment: RunSegment; memory: MergeMemory };

  constructor(reader: RunReader, place: { run: number; segment: RunSegment; memory: MergeMemory }) {
    this.#reader = reader;
    this.#place = place;
  }

  async nextBlock(): Promise<void> {
    const { run, segment, memory } = this.#place;
    const block = await this.#reader.next();
    // The first byte is 0 if the record has the key of the one before.
    if (block !== undefined && (block.raw.length === 0 || block.raw[0] === 0)) {
      throw corrupt(segment.origin ?? segment.key, 'a block has no first record');
    }
    memory.openBlock(run, block?.raw);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
