/**
 * Reads some top-level fields of a JSON object. The scanner verifies the whole line but makes only the values that are asked
 * for, which takes about a third of the time of parsing the line.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { parseJson, parseJsonExactly } from '../../codec/parse-json.ts';
import { raw } from '../../codec/raw-bytes.ts';
import { NO_BYTES } from '../../codec/record-slice.ts';
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

export class FieldReader {
  /** Where the line ends that was read last: after its newline. */
  end = 0;

  readonly #fields: readonly string[];
  readonly #exactIntegers: boolean;
  /** How each name is written without escapes. A name that cannot be is a quote here, which no name in JSON is. */
  readonly #names: readonly Buffer[];
  #bytes: Buffer = NO_BYTES;
  /** The same as latin1, so that places in both are the same. */
  #text = '';
  #isAscii = true;
  #hasEscapes = false;

  constructor(fields: readonly string[], exactIntegers = false) {
    this.#fields = fields;
    this.#exactIntegers = exactIntegers;
    this.#names = fields.map((field) => {
      const isPlain = JSON.stringify(field) === `"${field}"`;
      return Buffer.from(isPlain ? field : '"');
    });
  }

  /**
   * @param bytes  lines, the last with its newline. They must stay as they are while they are read
   * @returns whether they are UTF-8. If not, the caller must check each line
   */
  load(bytes: Buffer): boolean {
    this.#bytes = bytes;
    this.#text = raw(bytes).latin1Slice(0, bytes.length);
    this.#isAscii = isAscii(bytes);
    this.#hasEscapes = bytes.includes(BACKSLASH);
    return this.#isAscii || isUtf8(bytes);
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
    const record: Record<string, unknown> = {};
    let more = bytes[at] !== CLOSE_OBJECT;
    while (more) {
      if (bytes[at] !== QUOTE) return undefined;
      const nameEnd = skipString(bytes, at + 1);
      if (nameEnd < 0) return undefined;
      const field = this.#fieldAt(bytes, at, nameEnd);
      // A compact writer puts the colon right after the name, and the value right after the colon.
      at =
        bytes[nameEnd] === COLON
          ? skipSpaces(bytes, nameEnd + 1, SPACES_IN_LINE)
          : skipColon(bytes, nameEnd, SPACES_IN_LINE);
      if (at < 0) return undefined;
      const valueEnd = skipValue(bytes, at, SPACES_IN_LINE);
      if (valueEnd < 0) return undefined;
      // Of two fields of the same name the last one counts, as in JSON.parse.
      if (field !== undefined) record[field] = this.#valueAt(at, valueEnd);
      at = skipSpaces(bytes, valueEnd, SPACES_IN_LINE);
      more = bytes[at] === COMMA;
      if (more) at = skipSpaces(bytes, at + 1, SPACES_IN_LINE);
      else if (bytes[at] !== CLOSE_OBJECT) return undefined;
    }
    at = skipSpaces(bytes, at + 1, SPACES_IN_LINE);
    if (bytes[at] !== NEWLINE) return undefined;
    this.end = at + 1;
    return record;
  }

  /** The field whose name, with quotes, is bytes[start, end). */
  #fieldAt(bytes: Buffer, start: number, end: number): string | undefined {
    const length = end - start - 2;
    const names = this.#names;
    for (let i = 0; i < names.length; i++) {
      if (names[i]!.length === length && isAt(names[i]!, bytes, start + 1)) return this.#fields[i];
    }
    // A name may be written with escapes. Then it is longer than what it stands for.
    return this.#hasEscapes && hasBackslash(bytes, start, end)
      ? this.#escapedField(bytes, start, end)
      : undefined;
  }

  #escapedField(bytes: Buffer, start: number, end: number): string | undefined {
    const name = parseJson(bytes.toString('utf8', start, end));
    return this.#fields.find((field) => field === name);
  }

  /** The value whose bytes are [start, end), which the scanner has verified. */
  #valueAt(start: number, end: number): unknown {
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
