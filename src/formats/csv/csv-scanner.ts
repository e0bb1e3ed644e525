/**
 * Finds the fields of one record of delimited text. The grammar is that of RFC 4180, without exceptions:
 *
 *     record  = field *(delimiter field) line-end
 *     field   = plain | quote *(any byte except the quote | quote quote) quote
 *     plain   = any bytes except delimiter, quote and '\n'
 *
 * So a quote opens a field only as its first byte, and the closing quote is followed by a delimiter, a line end or the end
 * of the file. A line end is '\n' or '\r\n'; any other '\r' is data. All special characters are ASCII, and no byte of a
 * longer UTF-8 sequence is ASCII, so bytes are compared.
 */

import { type CsvDialect, NONE } from './csv-options.ts';
import { TextBlock } from './text-block.ts';
import { TokenIndex } from './token-index.ts';

export const NEWLINE = 0x0a;
export const RETURN = 0x0d;

/** Returned by next() if the record's end has not arrived yet. */
export const INCOMPLETE = -1;
/** Returned by next() if the record breaks the grammar. `malformed` says how. */
export const MALFORMED = -2;

/** How a record breaks the grammar. */
export interface Malformed {
  readonly what: 'quote inside a field' | 'text after a quote' | 'unclosed quote';
  /** Counted from 0. */
  readonly column: number;
  /** Index in the bytes: the quote, the byte after the closing quote, the opening quote. */
  readonly at: number;
}

/** How much of a block shows whether its fields are quoted. */
const SAMPLE_BYTES = 512;
const NO_ENDS = new Int32Array(0);

/** One per reader, since it holds the fields of the last record. */
export class CsvScanner {
  /**
   * Where each field of the last record ends, quotes included. Field 0 starts where the record does, the others one byte
   * after the end of the field before.
   */
  ends: Int32Array = NO_ENDS;
  /** The index in `ends` of field 0. */
  first = 0;
  columnCount = 0;
  malformed: Malformed | undefined;
  /** If the last record is incomplete: where the quote is that has not been closed yet, or -1. */
  openQuoteAt = -1;
  readonly block = new TextBlock();

  readonly #delimiter: number;
  readonly #quote: number;
  readonly #quoteText: string;
  /** Whether few fields of the block are quoted. */
  #isIndexed = false;
  readonly #tokens: TokenIndex;
  /** The next line end of the tokens. */
  #line = 0;
  /** The ends that scan() finds. */
  #scanned = new Int32Array(64);
  /** '\n' if it must not occur inside quotes. */
  readonly #forbidden: number;
  /** Most bytes of most text are greater than this, and need no further comparison. */
  readonly #specialMax: number;

  constructor({ delimiter, quote, multiline }: CsvDialect) {
    this.#delimiter = delimiter;
    this.#tokens = new TokenIndex(delimiter);
    this.#quote = quote;
    this.#quoteText = String.fromCharCode(quote);
    this.#forbidden = multiline ? NONE : NEWLINE;
    this.#specialMax = Math.max(delimiter, quote === NONE ? 0 : quote, NEWLINE);
  }

  /** Must be called before bytes are scanned. */
  use(bytes: Buffer): void {
    this.block.use(bytes);
    this.#tokens.use(bytes);
    this.#isIndexed = false;
  }

  /**
   * Scans the record that starts at `start`.
   *
   * @param isEnd  whether the bytes end with the file
   * @returns where the next record starts, INCOMPLETE or MALFORMED
   */
  next(start: number, isEnd: boolean): number {
    if (start >= this.#tokens.end) this.#moveTo(start);
    if (this.#isIndexed) {
      const next = this.#lookUp(start);
      if (next !== INCOMPLETE) return next;
    }
    return this.scan(start, this.block.bytes.length, isEnd);
  }

  #moveTo(start: number): void {
    const { block } = this;
    const tokens = this.#tokens;
    block.moveTo(start);
    this.#isIndexed = this.#quote === NONE || this.#hasFewQuotes(block.text);
    this.#line = 0;
    if (this.#isIndexed) tokens.find(start, block.end);
    else tokens.end = block.end;
  }

  #hasFewQuotes(text: string): boolean {
    const sampled = Math.min(SAMPLE_BYTES, text.length);
    let lines = 0;
    let quoted = 0;
    let before = NEWLINE;
    for (let i = 0; i < sampled; i++) {
      const code = text.charCodeAt(i);
      if (code === NEWLINE) lines += 1;
      else if (code === this.#quote && (before === NEWLINE || before === this.#delimiter)) quoted += 1;
      before = code;
    }
    return quoted * 2 <= lines;
  }

  /** The fast way, for a record without quotes that ends in the block. INCOMPLETE for all others. */
  #lookUp(start: number): number {
    const { block } = this;
    const tokens = this.#tokens;
    let line = this.#line;
    while (line < tokens.lineCount && tokens.places[tokens.lines[line]!]! < start) line += 1;
    if (line === tokens.lineCount) {
      if (start === tokens.start || tokens.end === block.bytes.length) return INCOMPLETE;
      this.#moveTo(start);
      if (!this.#isIndexed || tokens.lineCount === 0) return INCOMPLETE;
      line = 0;
    }
    this.#line = line + 1;
    // A record starts where the index does or after a line end, so all tokens since then are in it.
    const first = line === 0 ? 0 : tokens.lines[line - 1]! + 1;
    const last = tokens.lines[line]!;
    const { places } = tokens;
    const newline = places[last]!;
    if (this.#quote !== NONE) {
      if (block.quoteAt < start) block.quoteAt = indexIn(block.text, this.#quoteText, start, block.start);
      if (block.quoteAt < newline) return INCOMPLETE;
    }
    const fieldStart = first === last ? start : places[last - 1]! + 1;
    if (newline > fieldStart && block.bytes[newline - 1] === RETURN) places[last] = newline - 1;
    this.ends = places;
    this.first = first;
    this.columnCount = last - first + 1;
    return newline + 1;
  }

  /**
   * The same as next(), byte by byte.
   *
   * @param end  where the bytes are taken to end
   */
  scan(start: number, end: number, isEnd: boolean): number {
    const { bytes } = this.block;
    const delimiter = this.#delimiter;
    const specialMax = this.#specialMax;
    let ends = this.#scanned;
    let column = 0;
    let fieldStart = start;
    let at = start;
    this.ends = ends;
    this.first = 0;
    this.openQuoteAt = -1;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte > specialMax) {
        at += 1;
      } else if (byte === delimiter) {
        ends[column] = at;
        column += 1;
        if (column === ends.length) ends = this.#growEnds();
        at += 1;
        fieldStart = at;
      } else if (byte === NEWLINE) {
        ends[column] = at > fieldStart && bytes[at - 1] === RETURN ? at - 1 : at;
        this.columnCount = column + 1;
        return at + 1;
      } else if (byte === this.#quote) {
        if (at > fieldStart) return this.#fail('quote inside a field', column, at);
        at = this.#afterQuotes(bytes, at, end, column, isEnd);
        if (at < 0) return at;
        if (at === end) break;
        const next = bytes[at]!;
        if (next === NEWLINE || (next === RETURN && at + 1 < end && bytes[at + 1] === NEWLINE)) {
          ends[column] = at;
          this.columnCount = column + 1;
          return next === NEWLINE ? at + 1 : at + 2;
        }
        if (next === RETURN && at + 1 === end && !isEnd) return INCOMPLETE;
        if (next !== delimiter) return this.#fail('text after a quote', column, at);
      } else {
        at += 1;
      }
    }
    ends[column] = at;
    this.columnCount = column + 1;
    return isEnd ? at : INCOMPLETE;
  }

  /** Returns the index just after the quote that closes the one at `open`, INCOMPLETE or MALFORMED. */
  #afterQuotes(bytes: Buffer, open: number, end: number, column: number, isEnd: boolean): number {
    const quote = this.#quote;
    const forbidden = this.#forbidden;
    for (let at = open + 1; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === quote) {
        if (at + 1 === end || bytes[at + 1] !== quote) return at + 1;
        at += 1;
      } else if (byte === forbidden) {
        return this.#fail('unclosed quote', column, open);
      }
    }
    if (isEnd) return this.#fail('unclosed quote', column, open);
    this.columnCount = column + 1;
    this.openQuoteAt = open;
    return INCOMPLETE;
  }

  #fail(what: Malformed['what'], column: number, at: number): number {
    this.malformed = { what, column, at };
    return MALFORMED;
  }

  #growEnds(): Int32Array<ArrayBuffer> {
    const grown = new Int32Array(this.#scanned.length * 2);
    grown.set(this.#scanned);
    this.#scanned = grown;
    this.ends = grown;
    return grown;
  }
}

/** Index in the bytes of the next character; beyond all bytes if there is none. */
function indexIn(text: string, character: string, from: number, blockStart: number): number {
  const found = text.indexOf(character, from - blockStart);
  return found === -1 ? Number.MAX_SAFE_INTEGER : found + blockStart;
}
