/**
 * Reads some top-level fields of a JSON object. The scanner verifies the whole line but makes only the values that are asked
 * for, which takes about a third of the time of parsing the line.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { parseJson, parseJsonExactly } from '../../codec/parse-json.ts';
import { raw } from '../../codec/raw-bytes.ts';
import { NO_BYTES } from '../../codec/record-slice.ts';
import type { Values } from '../object-maker.ts';
import { RecordShapes } from './record-shapes.ts';
import {
  CLOSE_OBJECT,
  COLON,
  COMMA,
  isNumberStart,
  OPEN_OBJECT,
  QUOTE,
  SPACES_IN_LINE,
  skipColon,
  skipSpaces,
  skipString,
  skipValue,
} from './scan.ts';

const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const LETTER_T = 0x74;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;

/**
 * A number of at most this many characters has a mantissa below 2^53, and is divided by at most 10^14. Both are exact, so
 * the quotient is the double that is nearest to the decimal, which is what JSON.parse makes.
 */
const EXACT_DIGITS_MAX = 15;
const POWERS_OF_TEN = Array.from({ length: EXACT_DIGITS_MAX }, (_, exponent) => 10 ** exponent);

/** How many names of a line are expected to be those of an earlier line, and how long they may be with quotes and colon. */
const EXPECTED_MAX = 64;
const EXPECTED_BYTES_MAX = 32;

export class FieldReader {
  /** Where the line ends that was read last: after its newline. */
  end = 0;
  /** Whether the loaded bytes are UTF-8. If not, the caller must check each line. */
  isUtf8 = true;

  /** How each name is written without escapes. A name that cannot be is a quote here, which no name in JSON is. */
  readonly names: readonly Buffer[];
  readonly shapes: RecordShapes;
  readonly #fields: readonly string[];
  readonly #exactIntegers: boolean;
  #bytes: Buffer = NO_BYTES;
  /** The same as latin1, so that places in both are the same. */
  #text = '';
  #isAscii = true;
  #hasEscapes = false;

  /** The names of an earlier line in their order, each with its quotes and colon in EXPECTED_BYTES_MAX bytes. */
  readonly #expected = new Uint8Array(EXPECTED_MAX * EXPECTED_BYTES_MAX);
  #expectedCount = 0;
  /** How many of these bytes count. 0: no name is expected there. Two more than there are names, so that none is looked up beyond. */
  readonly #expectedBytes = new Uint8Array(EXPECTED_MAX + 2);
  /** Which field it is, or -1. */
  readonly #expectedFields = new Int32Array(EXPECTED_MAX);
  /** The fields of the current line, and their values. */
  readonly #order: number[] = [];
  readonly #values = new FoundValues();

  constructor(fields: readonly string[], exactIntegers = false) {
    this.#fields = fields;
    this.#exactIntegers = exactIntegers;
    this.shapes = new RecordShapes(fields);
    this.names = fields.map((field) => {
      const isPlain = JSON.stringify(field) === `"${field}"`;
      return Buffer.from(isPlain ? field : '"');
    });
  }

  /** @param bytes  lines, the last with its newline. They must stay as they are while they are read */
  load(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#text = raw(bytes).latin1Slice(0, bytes.length);
    this.#isAscii = isAscii(bytes);
    this.#hasEscapes = bytes.includes(BACKSLASH);
    this.isUtf8 = this.#isAscii || isUtf8(bytes);
  }

  /**
   * Reads the object on the line at `from` and sets `end`.
   *
   * @returns undefined for a line that is no JSON object; `end` is then meaningless
   */
  read(from: number): Record<string, unknown> | undefined {
    const bytes = this.#bytes;
    let at = skipSpaces(bytes, from, SPACES_IN_LINE);
    if (bytes[at] !== OPEN_OBJECT) return undefined;
    at = skipSpaces(bytes, at + 1, SPACES_IN_LINE);
    let found = 0;
    // The place among the expected names.
    let place = 0;
    let unexpected = 0;
    let more = bytes[at] !== CLOSE_OBJECT;
    while (more) {
      let field: number;
      // A line may lack a field, so that the name after the expected one comes.
      if (this.#isExpected(bytes, at, place) || this.#isExpected(bytes, at, ++place)) {
        field = this.#expectedFields[place]!;
        at = skipSpaces(bytes, at + this.#expectedBytes[place]!, SPACES_IN_LINE);
        place += 1;
      } else {
        place -= 1;
        if (bytes[at] !== QUOTE) return undefined;
        const nameEnd = skipString(bytes, at + 1);
        if (nameEnd < 0) return undefined;
        field = this.#fieldAt(bytes, at, nameEnd);
        if (place < this.#expectedCount) unexpected += 1;
        else if (this.#expect(bytes, [at, nameEnd], field)) place += 1;
        at = skipColon(bytes, nameEnd, SPACES_IN_LINE);
        if (at < 0) return undefined;
      }
      const valueEnd = skipValue(bytes, at, SPACES_IN_LINE);
      if (valueEnd < 0) return undefined;
      if (field !== -1) {
        this.#order[found] = field;
        this.#values.all[found] = this.valueAt(at, valueEnd);
        found += 1;
      }
      at = skipSpaces(bytes, valueEnd, SPACES_IN_LINE);
      more = bytes[at] === COMMA;
      if (more) at = skipSpaces(bytes, at + 1, SPACES_IN_LINE);
      else if (bytes[at] !== CLOSE_OBJECT) return undefined;
    }
    at = skipSpaces(bytes, at + 1, SPACES_IN_LINE);
    if (bytes[at] !== NEWLINE) return undefined;
    this.end = at + 1;
    if (unexpected * 2 > place) this.#expectNothing();
    return this.shapes.make(this.#order, found, this.#values) as Record<string, unknown>;
  }

  /** Whether the bytes are the name that is expected at this place. */
  #isExpected(bytes: Buffer, at: number, place: number): boolean {
    const expected = this.#expected;
    const sizeBytes = this.#expectedBytes[place]!;
    const start = place * EXPECTED_BYTES_MAX;
    for (let i = 0; i < sizeBytes; i++) {
      if (bytes[at + i] !== expected[start + i]) return false;
    }
    return sizeBytes > 0;
  }

  /** Expects the name, whose bytes with quotes are [start, end), as the last one of the next line. Returns false if it cannot. */
  #expect(bytes: Buffer, [start, end]: readonly [number, number], field: number): boolean {
    const place = this.#expectedCount;
    const sizeBytes = end + 1 - start;
    // A compact writer puts the colon right after the name.
    if (bytes[end] !== COLON || sizeBytes > EXPECTED_BYTES_MAX || place === EXPECTED_MAX) return false;
    this.#expected.set(bytes.subarray(start, end + 1), place * EXPECTED_BYTES_MAX);
    this.#expectedBytes[place] = sizeBytes;
    this.#expectedFields[place] = field;
    this.#expectedCount += 1;
    return true;
  }

  #expectNothing(): void {
    this.#expectedCount = 0;
    this.#expectedBytes.fill(0);
  }

  /** The field whose name, with quotes, is bytes[start, end), or -1. */
  #fieldAt(bytes: Buffer, start: number, end: number): number {
    const length = end - start - 2;
    const { names } = this;
    for (let i = 0; i < names.length; i++) {
      if (names[i]!.length === length && isAt(names[i]!, bytes, start + 1)) return i;
    }
    // A name may be written with escapes. Then it is longer than what it stands for.
    return this.#hasEscapes && hasBackslash(bytes, start, end) ? this.#escapedField(bytes, start, end) : -1;
  }

  #escapedField(bytes: Buffer, start: number, end: number): number {
    const name = parseJson(bytes.toString('utf8', start, end));
    return typeof name === 'string' ? this.#fields.indexOf(name) : -1;
  }

  /** The value whose bytes are [start, end), which a scanner has verified. */
  valueAt(start: number, end: number): unknown {
    const bytes = this.#bytes;
    const text = this.#text;
    const first = bytes[start]!;
    if (isNumberStart(first)) {
      return end - start > EXACT_DIGITS_MAX
        ? this.#parse(text.slice(start, end))
        : numberAt(bytes, start, end, text);
    }
    if (first === LETTER_T) return true;
    if (first === LETTER_F) return false;
    if (first === LETTER_N) return null;
    const plain = this.#isAscii || isAsciiRange(bytes, start, end);
    if (first === QUOTE && !(this.#hasEscapes && hasBackslash(bytes, start, end))) {
      return plain ? text.slice(start + 1, end - 1) : raw(bytes).utf8Slice(start + 1, end - 1);
    }
    return this.#parse(plain ? text.slice(start, end) : raw(bytes).utf8Slice(start, end));
  }

  #parse(text: string): unknown {
    return this.#exactIntegers ? parseJsonExactly(text) : parseJson(text);
  }
}

class FoundValues implements Values {
  readonly all: unknown[] = [];

  value(i: number): unknown {
    return this.all[i];
  }
}

function isAt(name: Buffer, bytes: Buffer, from: number): boolean {
  for (let i = 0; i < name.length; i++) {
    if (name[i] !== bytes[from + i]) return false;
  }
  return true;
}

function hasBackslash(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (bytes[at] === BACKSLASH) return true;
  }
  return false;
}

function isAsciiRange(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (bytes[at]! >= 0x80) return false;
  }
  return true;
}

/** A number of at most EXACT_DIGITS_MAX characters. */
function numberAt(bytes: Buffer, start: number, end: number, text: string): number {
  let mantissa = 0;
  let decimals = 0;
  const isNegative = bytes[start] === MINUS;
  for (let at = isNegative ? start + 1 : start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === DOT) decimals = end - 1 - at;
    else if (byte >= ZERO && byte <= ZERO + 9) mantissa = mantissa * 10 + (byte - ZERO);
    else return Number(text.slice(start, end));
  }
  const number = decimals === 0 ? mantissa : mantissa / POWERS_OF_TEN[decimals]!;
  return isNegative ? -number : number;
}
