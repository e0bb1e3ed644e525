/**
 * What kernels/sort.ts does, in JavaScript, on the same memory (sort-memory.ts): for machines where WebAssembly cannot run, and
 * for tests.
 */
import { copyBytes, equalBytes } from '../base/byte-ranges.ts';
import { VARINT_BYTES_MAX, writeVarint } from '../base/varint.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import { KeySorter, locate } from './key-sort.ts';

const WORD_BYTES = 4;
const HALF_BYTES = 2;
const ENDS_WORD = (64 * 1024) / WORD_BYTES;
const COPIES_WORD = 1024 / WORD_BYTES;
const TOUCHED_RECORDS = 64;

/** Positions are those of the memory. kernels/sort.ts describes the functions. */
export interface SortFunctions {
  group(offsets: number, partitions: number, count: number, partitionCount: number, grouped: number): void;
  sort(records: number, offsets: number, count: number, scratch: number): void;
  copyAll(count: number): void;
  gather(records: number, from: number, end: number, to: number, blockBytes: number, roomBytes: number): void;
  gatherSingles(
    records: number,
    from: number,
    end: number,
    to: number,
    blockBytes: number,
    roomBytes: number,
  ): void;
  /** Undefined in JavaScript: codecs write to the buffer as fast. */
  appendWords?(
    text: number,
    from: number,
    end: number,
    keepsCase: boolean,
    records: number,
    used: number,
    count: number,
    budgetBytes: number,
    entryBytes: number,
    offsets: number,
    partitions: number,
    partitionCount: number,
    valueBytes: number,
  ): number;
}

export class SortTwin implements SortFunctions {
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #halves: Uint16Array;
  readonly #sorter = new KeySorter();
  readonly #record = new RecordSlice();
  #touched = 0;

  constructor(memory: ArrayBuffer) {
    this.#bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
    this.#halves = new Uint16Array(memory);
  }

  group(offsets: number, partitions: number, count: number, partitionCount: number, grouped: number): void {
    const words = this.#words;
    const halves = this.#halves;
    words.fill(0, ENDS_WORD, ENDS_WORD + partitionCount);
    const firstHalf = partitions / HALF_BYTES;
    for (let i = firstHalf; i < firstHalf + count; i++) words[ENDS_WORD + halves[i]!]!++;
    let sum = 0;
    for (let end = ENDS_WORD; end < ENDS_WORD + partitionCount; end++) {
      const size = words[end]!;
      words[end] = sum;
      sum += size;
    }
    const first = offsets / WORD_BYTES;
    const to = grouped / WORD_BYTES;
    for (let i = 0; i < count; i++) {
      words[to + words[ENDS_WORD + halves[firstHalf + i]!]!++] = words[first + i]!;
    }
  }

  copyAll(count: number): void {
    const words = this.#words;
    const bytes = this.#bytes;
    for (let copy = COPIES_WORD; copy < COPIES_WORD + 3 * count; copy += 3) {
      const from = words[copy + 1]!;
      copyBytes(bytes, from, from + words[copy + 2]!, bytes, words[copy]!);
    }
  }

  sort(records: number, offsets: number, count: number): void {
    const first = offsets / WORD_BYTES;
    this.#sorter.sort(this.#bytes.subarray(records), this.#words, first, first + count);
  }

  gather(
    records: number,
    from: number,
    end: number,
    to: number,
    blockBytes: number,
    roomBytes: number,
  ): void {
    const bytes = this.#bytes;
    const words = this.#words;
    const record = this.#record;
    const last = end / WORD_BYTES;
    let at = to;
    let next = from / WORD_BYTES;
    let touchedEnd = next;
    let keyStart = 0;
    let keyEnd = -1;
    while (next < last && at < to + blockBytes) {
      if (next === touchedEnd) {
        touchedEnd = Math.min(last, next + TOUCHED_RECORDS);
        this.#touch(records, next, touchedEnd);
      }
      const start = records + words[next]!;
      locate(bytes, start, record);
      if (at + (record.valueEnd - record.keyStart) + 2 * VARINT_BYTES_MAX > to + roomBytes) break;
      if (keyEnd >= 0 && equalBytes(bytes, keyStart, keyEnd, bytes, record.keyStart, record.keyEnd)) {
        bytes[at] = 0;
        at = writeVarint(record.valueEnd - record.valueStart, bytes, at + 1);
        at = copyBytes(bytes, record.valueStart, record.valueEnd, bytes, at);
      } else {
        at = copyBytes(bytes, start, record.valueEnd, bytes, at);
      }
      keyStart = record.keyStart;
      keyEnd = record.keyEnd;
      next++;
    }
    words[0] = at - to;
    words[1] = next - from / WORD_BYTES;
  }

  /** Leaves all records to its caller, who writes them one by one, as JavaScript would here. */
  gatherSingles(): void {
    this.#words.fill(0, 0, 2);
  }

  /** Reads a byte of each record, so that its cache line is fetched. The loads do not depend on each other. */
  #touch(records: number, from: number, end: number): void {
    const bytes = this.#bytes;
    const words = this.#words;
    let sum = 0;
    for (let i = from; i < end; i++) sum += bytes[records + words[i]!]!;
    // It is kept so that the compiler does not remove the loads.
    this.#touched += sum;
  }
}
