/** A range of bytes with what jobs do to text: find, cut, compare, read a number, walk over fields and words. */
import type { BytesRange } from '../../codec/bytes-range.ts';
import { shortAscii } from '../../codec/short-ascii.ts';
import { assertLetterCase, type LetterCase, type Words } from '../../codec/words.ts';
import { numberIn } from './number-in.ts';
import { WordsOfRange, WordWalk } from './word-walk.ts';

/**
 * The bytes [start, end) of `bytes`. Positions that methods take and return count from its start; negative ones, and those
 * beyond its end, are treated as `subarray()` does. `emit` takes it as a key or value, and copies it.
 */
export interface BytesSlice extends BytesRange {
  /** Holds these bytes among others. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** In bytes. */
  readonly length: number;
  /** The part [from, to) as UTF-8 text, in which bytes that are not UTF-8 become U+FFFD. Default: all of it. */
  text(from?: number, to?: number): string;
  /** A copy of the part [from, to). Default: all of it. */
  copy(from?: number, to?: number): Buffer;
  /** The part [from, to), not copied, as a Buffer. Default: all of it. To emit it, `range()` is faster. */
  subarray(from?: number, to?: number): Buffer;
  /** The part [from, to), not copied. Default: all of it. */
  range(from?: number, to?: number): BytesSlice;
  /** The position of the first such byte, or of the first such bytes, at or after `from`; -1 if there is none. */
  indexOf(wanted: number | Uint8Array, from?: number): number;
  equals(other: Uint8Array): boolean;
  /**
   * Field `index`, counted from 0, of those that this byte separates; undefined if there are fewer. Not copied.
   *
   * @example
   * emit(line.field(2, 0x09), 1); // the third column of tab-separated lines
   */
  field(index: number, separator: number): BytesSlice | undefined;
  /** The part [from, to) as a decimal number, such as `-12`, `0.5` or `1e3`; NaN if it is anything else. Default: all of it. */
  number(from?: number, to?: number): number;
  /**
   * Calls `visit` with each word: each longest run of Unicode letters, in lower case unless `letterCase` is 'keep'. The word is
   * one object that changes, valid until `visit` returns.
   */
  words(visit: (word: BytesRange) => void, letterCase?: LetterCase): void;
  /**
   * The same words, to be emitted at once, which is about twice as fast as one by one. They are looked for when they are
   * emitted or iterated over, so the line must still be the current one.
   *
   * @example
   * map: (line, { emitAll }) => emitAll(line.words(), 1),
   */
  words(letterCase?: LetterCase): Words<BytesRange>;
}

/** Searching longer ranges byte by byte costs more than a call. */
const LOOP_BYTES_MAX = 128;

/** A BytesSlice that its owner may move. */
export class MovableSlice implements BytesSlice {
  bytes: Buffer;
  start: number;
  end: number;
  #words: WordWalk | undefined;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  get length(): number {
    return this.end - this.start;
  }

  text(from = 0, to = this.length): string {
    const start = this.#at(from);
    const end = Math.max(start, this.#at(to));
    return shortAscii(this.bytes, start, end) ?? this.bytes.toString('utf8', start, end);
  }

  copy(from = 0, to = this.length): Buffer {
    return Buffer.from(this.subarray(from, to));
  }

  subarray(from = 0, to = this.length): Buffer {
    return this.bytes.subarray(this.#at(from), this.#at(to));
  }

  range(from = 0, to = this.length): BytesSlice {
    const start = this.#at(from);
    return new MovableSlice(this.bytes, start, Math.max(start, this.#at(to)));
  }

  indexOf(wanted: number | Uint8Array, from = 0): number {
    // A search of all bytes would run through what follows.
    if (typeof wanted !== 'number' || this.length > LOOP_BYTES_MAX)
      return this.subarray().indexOf(wanted, from);
    const { bytes, end, start } = this;
    for (let at = this.#at(from); at < end; at++) {
      if (bytes[at] === wanted) return at - start;
    }
    return -1;
  }

  equals(other: Uint8Array): boolean {
    return (
      other.length === this.length && this.bytes.compare(other, 0, other.length, this.start, this.end) === 0
    );
  }

  field(index: number, separator: number): BytesSlice | undefined {
    const { bytes, end } = this;
    let { start } = this;
    for (let before = index; before > 0; start++) {
      if (start >= end) return undefined;
      if (bytes[start] === separator) before--;
    }
    let fieldEnd = start;
    while (fieldEnd < end && bytes[fieldEnd] !== separator) fieldEnd++;
    return new MovableSlice(bytes, start, fieldEnd);
  }

  number(from = 0, to = this.length): number {
    const start = this.#at(from);
    return numberIn(this.bytes, start, Math.max(start, this.#at(to)));
  }

  words(visit: (word: BytesRange) => void, letterCase?: LetterCase): void;
  words(letterCase?: LetterCase): Words<BytesRange>;
  words(
    visit?: LetterCase | ((word: BytesRange) => void),
    letterCase: LetterCase = 'lower',
  ): Words<BytesRange> | undefined {
    const wantedCase = typeof visit === 'string' ? visit : letterCase;
    assertLetterCase(wantedCase);
    if (typeof visit !== 'function') return new WordsOfRange(this, wantedCase);
    // `visit` may ask for the words again.
    const walk = this.#words ?? new WordWalk();
    this.#words = undefined;
    walk.visit(this, letterCase, visit);
    this.#words = walk;
    return undefined;
  }

  /** Keeps positions inside the range, as subarray() does. */
  #at(position: number): number {
    return position < 0
      ? Math.max(this.start, this.end + position)
      : Math.min(this.end, this.start + position);
  }
}
