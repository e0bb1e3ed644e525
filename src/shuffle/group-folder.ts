import { userCodeError } from '../api/user-code.ts';
import { LIMITS } from '../base/limits.ts';
import type { Codec } from '../codec/codec.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { printKey } from '../codec/print-key.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import type { FoldCounts, Folding, ValueFold } from '../fold/fold.ts';
import { BlockFolder } from './block-folder.ts';
import { mergeInBulk } from './bulk-merge.ts';
import type { RecordConsumer } from './consume-merge.ts';
import { GroupKey } from './group-key.ts';
import type { KWayMerge } from './merge.ts';
import { keepMergeMemory, type MergeMemory, takeMergeMemory } from './merge-memory.ts';
import type { MergeOptions } from './merge-options.ts';
import type { RecordSink } from './record-sink.ts';
import type { RunSegment } from './run-reader.ts';

/**
 * Folds the values of each key into one record. It holds one accumulator and one key, however large the group is.
 * Errors of the combiner name the key.
 */
export class GroupFolder implements RecordConsumer, FoldCounts {
  recordsRead = 0;
  recordsWritten = 0;
  readonly #fold: ValueFold;
  readonly #keyCodec: Codec<unknown>;
  readonly #sink: RecordSink;
  readonly #blockBytes: number;
  readonly #key = new GroupKey();
  readonly #value = new GrowableSink(64);
  readonly #folded = new RecordSlice();
  #open = false;
  #isAppending = false;

  /** @param blockBytes  records that are merged at once */
  constructor({ fold, key }: Folding, sink: RecordSink, blockBytes: number = LIMITS.blockBytes) {
    this.#blockBytes = blockBytes;
    this.#fold = fold;
    this.#keyCodec = key;
    this.#sink = sink;
  }

  copyInBulk(
    segments: readonly RunSegment[],
    options: Required<Omit<MergeOptions, 'sink'>>,
  ): Promise<void> | undefined {
    const memory = takeMergeMemory();
    return memory && this.#foldBlocks(segments, { ...options, memory });
  }

  async #foldBlocks(
    segments: readonly RunSegment[],
    options: Required<Omit<MergeOptions, 'sink'>> & { memory: MergeMemory },
  ): Promise<void> {
    const sink = this.#sink;
    const blocks = new BlockFolder({ fold: this.#fold, key: this.#keyCodec }, sink, this, this.#blockBytes);
    const large: RecordSink = {
      append: (record) => blocks.append(record),
      get wantsFlush() {
        return sink.wantsFlush;
      },
      flush: () => sink.flush(),
    };
    try {
      await mergeInBulk(segments, { ...options, sink: large, bulk: blocks, onRecords: () => {} });
      blocks.finish();
    } finally {
      keepMergeMemory(options.memory);
    }
  }

  takeStretch(merge: KWayMerge): boolean {
    try {
      return this.#take(merge);
    } catch (error) {
      throw this.#naming(error);
    }
  }

  finish(): void {
    try {
      this.#endGroup();
    } catch (error) {
      throw this.#naming(error);
    }
  }

  #take(merge: KWayMerge): boolean {
    const key = this.#key;
    const fold = this.#fold;
    for (;;) {
      const record = merge.current;
      this.recordsRead++;
      if (this.#open && key.holds(record)) {
        fold.add(record.valueBytes, record.valueStart, record.valueEnd);
        if (!merge.next()) return true;
      } else {
        this.#endGroup();
        key.take(record);
        fold.start(record.valueBytes, record.valueStart, record.valueEnd);
        this.#open = true;
        if (!merge.next()) return true;
        if (this.#sink.wantsFlush) return false;
      }
    }
  }

  #endGroup(): void {
    if (!this.#open) return;
    this.#open = false;
    const value = this.#value;
    value.reset();
    this.#fold.writeTo(value);
    const folded = this.#folded;
    const key = this.#key;
    // The buffers rarely change, and comparing costs less than the write barrier of an assignment.
    if (folded.keyBytes !== key.bytes) folded.keyBytes = key.bytes;
    if (folded.valueBytes !== value.bytes) folded.valueBytes = value.bytes;
    folded.keyEnd = key.end;
    folded.valueEnd = value.end;
    this.#isAppending = true;
    this.#sink.append(folded);
    this.#isAppending = false;
    this.recordsWritten++;
  }

  /** Adds the key to an error of the combiner. Returns errors of the sink unchanged. */
  #naming(error: unknown): unknown {
    if (this.#isAppending) return error;
    return userCodeError('combine', error, {
      groupKey: printKey(this.#keyCodec, this.#key.bytes, 0, this.#key.end),
    });
  }
}
