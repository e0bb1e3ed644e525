/** Steps through the records of one run: synchronously inside a block, asynchronously to the next block. */
import { readVarint, varintEnd } from '../base/varint.ts';
import { NO_BYTES, RecordSlice } from '../codec/record-slice.ts';
import { corrupt } from './block.ts';
import type { RunReader } from './run-reader.ts';

/** The slice is the current record. Its key and value are in the same block. */
export class RunCursor extends RecordSlice {
  /** The first 6 bytes of the key as a number, padded with 0; decides most comparisons. Infinity at the run's end. */
  prefix = 0;
  /** The position of the run in the merge, which decides between equal keys. */
  readonly index: number;

  readonly #reader: RunReader;
  readonly #origin: string;
  #end = 0;

  constructor(reader: RunReader, index: number, origin: string) {
    super();
    this.#reader = reader;
    this.index = index;
    this.#origin = origin;
  }

  get ended(): boolean {
    return this.prefix === Number.POSITIVE_INFINITY;
  }

  /** Steps to the first record of the next block, or to the end of the run if there is no further block. */
  async nextBlock(): Promise<void> {
    const block = await this.#reader.next();
    if (block === undefined) {
      this.keyBytes = NO_BYTES;
      this.valueBytes = NO_BYTES;
      this.#end = 0;
      this.prefix = Number.POSITIVE_INFINITY;
      return;
    }
    this.keyBytes = block.raw;
    this.valueBytes = block.raw;
    this.#end = block.raw.length;
    this.valueEnd = 0;
    if (block.raw[0] === 0 || this.step() === STEP_BLOCK_ENDED)
      throw corrupt(this.#origin, 'a block has no first record');
  }

  /** Steps to the next record of the block. */
  step(): typeof STEP_NEW_KEY | typeof STEP_SAME_KEY | typeof STEP_BLOCK_ENDED {
    let at = this.valueEnd;
    if (at >= this.#end) return STEP_BLOCK_ENDED;
    const bytes = this.keyBytes;
    let key = bytes[at++]!;
    if (key >= 0x80) {
      key = readVarint(bytes, at - 1);
      at = varintEnd(bytes, at - 1);
    }
    let value = bytes[at++]!;
    if (value >= 0x80) {
      value = readVarint(bytes, at - 1);
      at = varintEnd(bytes, at - 1);
    }
    if (key === 0) {
      this.valueStart = at;
      this.valueEnd = at + value;
      return STEP_SAME_KEY;
    }
    const keyEnd = at + key - 1;
    this.keyStart = at;
    this.keyEnd = keyEnd;
    this.valueStart = keyEnd;
    this.valueEnd = keyEnd + value;
    this.prefix = keyPrefix(bytes, at, keyEnd);
    return STEP_NEW_KEY;
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

export const STEP_BLOCK_ENDED = 0;
export const STEP_NEW_KEY = 1;
/** The record has the same key as the previous one. */
export const STEP_SAME_KEY = 2;

export function keyPrefix(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= 6) {
    return (
      ((bytes[start]! << 16) | (bytes[start + 1]! << 8) | bytes[start + 2]!) * 0x100_0000 +
      ((bytes[start + 3]! << 16) | (bytes[start + 4]! << 8) | bytes[start + 5]!)
    );
  }
  let prefix = 0;
  for (let i = 0; i < 6; i++) prefix = prefix * 256 + (start + i < end ? bytes[start + i]! : 0);
  return prefix;
}
