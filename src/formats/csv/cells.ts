import { isAscii } from 'node:buffer';
import { KiB } from '../../base/limits.ts';
import { raw } from '../../codec/raw-bytes.ts';
import { decodeString } from '../../codec/string-codec.ts';
import { type CsvScanner, NONE } from './csv-scanner.ts';
import { numberIn } from './number-cell.ts';

/** How many bytes are decoded at once. See text-lines.ts: longer strings are slow to allocate. */
const BLOCK_BYTES = 48 * KiB;

/** How bytes become text. */
export type CsvEncoding = 'utf8' | 'latin1';

/**
 * The cells of the current record. Text is decoded in blocks of several records, and each cell is a slice of its block: 10 to
 * 20 ns, while a call to decode the bytes of one cell takes 40 or more.
 */
export class Cells {
  /** Why the record is malformed. Set by the maker of records. */
  problem: string | undefined;

  readonly #scanner: CsvScanner;
  readonly #quote: number;
  readonly #quoteText: string;
  readonly #latin1: boolean;
  #bytes: Buffer = Buffer.alloc(0);
  #recordStart = 0;
  /** bytes[#blockStart, #blockEnd) as text, one character per byte; empty if the block is not ASCII. */
  #block = '';
  #blockStart = 0;
  #blockEnd = 0;

  constructor(scanner: CsvScanner, { quote, encoding }: { quote: number; encoding: CsvEncoding }) {
    this.#scanner = scanner;
    this.#quote = quote;
    this.#quoteText = quote === NONE ? '' : String.fromCharCode(quote);
    this.#latin1 = encoding === 'latin1';
  }

  /** Forgets the block. Must be called when other bytes are scanned. */
  use(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#block = '';
    this.#blockStart = 0;
    this.#blockEnd = 0;
  }

  /** The record that the scanner found last. */
  select(start: number): void {
    this.#recordStart = start;
    this.problem = undefined;
  }

  get columnCount(): number {
    return this.#scanner.columnCount;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  startOf(column: number): number {
    return column === 0 ? this.#recordStart : this.#scanner.ends[column - 1]! + 1;
  }

  endOf(column: number): number {
    return this.#scanner.ends[column]!;
  }

  isEmpty(column: number): boolean {
    return this.startOf(column) === this.#scanner.ends[column]!;
  }

  isQuoted(column: number): boolean {
    const start = this.startOf(column);
    return start < this.#scanner.ends[column]! && this.#bytes[start] === this.#quote;
  }

  text(column: number): string {
    const start = this.startOf(column);
    const end = this.#scanner.ends[column]!;
    if (start === end) return '';
    if (this.#bytes[start] !== this.#quote) return this.#decode(start, end);
    const text = this.#decode(start + 1, end - 1);
    return text.includes(this.#quoteText)
      ? text.replaceAll(this.#quoteText + this.#quoteText, this.#quoteText)
      : text;
  }

  /** Undefined if it is not a number. */
  number(column: number): number | undefined {
    let start = this.startOf(column);
    let end = this.#scanner.ends[column]!;
    if (start < end && this.#bytes[start] === this.#quote) {
      start += 1;
      end -= 1;
    }
    return numberIn(this.#bytes, start, end);
  }

  /** True or false in any mixture of upper and lower case. Undefined if it is neither. */
  boolean(column: number): boolean | undefined {
    const text = this.text(column);
    if (text === 'true') return true;
    if (text === 'false') return false;
    const lower = text.toLowerCase();
    if (lower === 'true') return true;
    return lower === 'false' ? false : undefined;
  }

  #decode(start: number, end: number): string {
    if (end > this.#blockEnd) this.#decodeBlock();
    if (this.#block !== '' && end <= this.#blockEnd) {
      return this.#block.slice(start - this.#blockStart, end - this.#blockStart);
    }
    return this.#latin1 ? raw(this.#bytes).latin1Slice(start, end) : decodeString(this.#bytes, start, end);
  }

  /** Decodes a block from the current record on. */
  #decodeBlock(): void {
    const start = this.#recordStart;
    const end = Math.min(this.#bytes.length, start + BLOCK_BYTES);
    this.#blockStart = start;
    this.#blockEnd = end;
    this.#block =
      this.#latin1 || isAscii(this.#bytes.subarray(start, end))
        ? raw(this.#bytes).latin1Slice(start, end)
        : '';
  }
}
