/**
 * Folds the values of each key of merged blocks (bulk-merge.ts). A byte of a record says whether it has the key of the record
 * before it, so hardly any key is compared or copied.
 */
import { userCodeError } from '../api/user-code.ts';
import { equalBytes } from '../base/byte-ranges.ts';
import { readVarint, varintEnd } from '../base/varint.ts';
import type { Codec } from '../codec/codec.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { printKey } from '../codec/print-key.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import type { FoldCounts, Folding, ValueFold } from '../fold/fold.ts';
import type { BulkSink, RecordSink } from './record-sink.ts';

export class BlockFolder implements BulkSink {
  readonly blockBytes: number;
  readonly roomBytes: number;

  readonly #fold: ValueFold;
  readonly #keyCodec: Codec<unknown>;
  readonly #sink: RecordSink;
  readonly #counts: FoldCounts;
  /** The key of the open group, and the value that is written for it. */
  readonly #group = new RecordSlice();
  #isAppending = false;
  readonly #key = new GrowableSink(256);
  readonly #value = new GrowableSink(64);
  #isOpen = false;
  /** Whether the fold has the group's values. Otherwise the group's slice has its only value. */
  #isFolding = false;

  constructor({ fold, key }: Folding, sink: RecordSink, counts: FoldCounts, blockBytes: number) {
    this.blockBytes = blockBytes;
    this.roomBytes = blockBytes + 4096;
    this.#fold = fold;
    this.#keyCodec = key;
    this.#sink = sink;
    this.#counts = counts;
  }

  appendBlock(block: Buffer): void {
    try {
      this.#takeBlock(block);
    } catch (error) {
      throw this.#naming(error);
    }
  }

  /** Takes a record that is too large for a block. */
  append(record: Readonly<RecordSlice>): void {
    try {
      this.#takeLarge(record);
    } catch (error) {
      throw this.#naming(error);
    }
  }

  finish(): void {
    try {
      this.#end();
    } catch (error) {
      throw this.#naming(error);
    }
  }

  /** Adds the key to an error of the combiner. Returns errors of the sink unchanged. */
  #naming(error: unknown): unknown {
    if (this.#isAppending) return error;
    const { keyBytes, keyStart, keyEnd } = this.#group;
    const groupKey = printKey(this.#keyCodec, keyBytes, keyStart, keyEnd);
    return userCodeError('combine', error, { groupKey });
  }

  #takeBlock(block: Buffer): void {
    for (let at = 0; at < block.length; ) {
      let keySize = block[at]!;
      let valueLength = block[at + 1]!;
      let start = at + 2;
      if ((keySize | valueLength) >= 0x80) {
        keySize = readVarint(block, at);
        const valueAt = varintEnd(block, at);
        valueLength = readVarint(block, valueAt);
        start = varintEnd(block, valueAt);
      }
      if (keySize === 0) {
        at = start + valueLength;
        this.#add(block, start, at);
      } else {
        const keyEnd = start + keySize - 1;
        // Only the first record of a block may have the key of the one before, and say its key nevertheless.
        const isFirst = at === 0;
        at = keyEnd + valueLength;
        if (isFirst && this.#hasKey(block, start, keyEnd)) this.#add(block, keyEnd, at);
        else this.#start(block, start, keyEnd, at);
      }
    }
    this.#detach();
  }

  #takeLarge({ keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd }: Readonly<RecordSlice>): void {
    if (this.#hasKey(keyBytes, keyStart, keyEnd)) {
      this.#add(valueBytes, valueStart, valueEnd);
    } else {
      this.#end();
      this.#keepKey(keyBytes, keyStart, keyEnd);
      this.#fold.start(valueBytes, valueStart, valueEnd);
      this.#counts.recordsRead++;
      this.#isOpen = true;
      this.#isFolding = true;
    }
  }

  #hasKey(bytes: Buffer, start: number, end: number): boolean {
    const { keyBytes, keyStart, keyEnd } = this.#group;
    return this.#isOpen && equalBytes(keyBytes, keyStart, keyEnd, bytes, start, end);
  }

  /** Starts a group with the record whose value follows its key. */
  #start(block: Buffer, keyStart: number, keyEnd: number, valueEnd: number): void {
    this.#end();
    const group = this.#group;
    // The block rarely changes, and comparing costs less than the write barrier of an assignment.
    if (group.keyBytes !== block) group.keyBytes = block;
    group.keyStart = keyStart;
    group.keyEnd = keyEnd;
    this.#counts.recordsRead++;
    this.#isOpen = true;
    this.#isFolding = this.#fold.keepsSingle !== true;
    if (this.#isFolding) {
      this.#fold.start(block, keyEnd, valueEnd);
    } else {
      if (group.valueBytes !== block) group.valueBytes = block;
      group.valueStart = keyEnd;
      group.valueEnd = valueEnd;
    }
  }

  #add(bytes: Buffer, start: number, end: number): void {
    if (!this.#isFolding) this.#startFolding();
    this.#counts.recordsRead++;
    this.#fold.add(bytes, start, end);
  }

  #startFolding(): void {
    const { valueBytes, valueStart, valueEnd } = this.#group;
    this.#fold.start(valueBytes, valueStart, valueEnd);
    this.#isFolding = true;
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const group = this.#group;
    if (this.#isFolding) {
      const value = this.#value;
      value.reset();
      this.#fold.writeTo(value);
      if (group.valueBytes !== value.bytes) group.valueBytes = value.bytes;
      group.valueStart = 0;
      group.valueEnd = value.end;
    }
    this.#isAppending = true;
    this.#sink.append(group);
    this.#isAppending = false;
    this.#counts.recordsWritten++;
  }

  /** The bytes of the block are about to change. */
  #detach(): void {
    if (!this.#isOpen) return;
    if (!this.#isFolding) this.#startFolding();
    const { keyBytes, keyStart, keyEnd } = this.#group;
    if (keyBytes !== this.#key.bytes) this.#keepKey(keyBytes, keyStart, keyEnd);
  }

  #keepKey(bytes: Buffer, start: number, end: number): void {
    const key = this.#key;
    key.reset();
    key.reserve(end - start);
    bytes.copy(key.bytes, 0, start, end);
    const group = this.#group;
    group.keyBytes = key.bytes;
    group.keyStart = 0;
    group.keyEnd = end - start;
  }
}
