import { isUtf8 } from 'node:buffer';
import { raw } from '../../codec/raw-bytes.ts';
import { decodeString } from '../../codec/string-codec.ts';
import { type CsvEncoding, NONE } from './csv-options.ts';
import type { CsvScanner } from './csv-scanner.ts';
import { numberIn } from './number-cell.ts';
import type { TextBlock } from './text-block.ts';

/** The cells of the record that the scanner found last. */
export class Cells {
  /** Why the record is malformed. Set by the maker of records. */
  problem: string | undefined;
  /** Whether a cell that was read holds bytes that are not UTF-8, for which it has U+FFFD. */
  isReplaced = false;

  readonly #scanner: CsvScanner;
  readonly #block: TextBlock;
  readonly #quote: number;
  readonly #quoteText: string;
  readonly #latin1: boolean;
  #recordStart = 0;

  constructor(scanner: CsvScanner, { quote, encoding }: { quote: number; encoding: CsvEncoding }) {
    this.#scanner = scanner;
    this.#block = scanner.block;
    this.#quote = quote;
    this.#quoteText = quote === NONE ? '' : String.fromCharCode(quote);
    this.#latin1 = encoding === 'latin1';
  }

  /** @param start  of the record */
  select(start: number): void {
    this.#recordStart = start;
    this.problem = undefined;
    this.isReplaced = false;
  }

  get columnCount(): number {
    return this.#scanner.columnCount;
  }

  get bytes(): Buffer {
    return this.#block.bytes;
  }

  startOf(column: number): number {
    const scanner = this.#scanner;
    return column === 0 ? this.#recordStart : scanner.ends[scanner.first + column - 1]! + 1;
  }

  endOf(column: number): number {
    const scanner = this.#scanner;
    return scanner.ends[scanner.first + column]!;
  }

  isEmpty(column: number): boolean {
    return this.startOf(column) === this.endOf(column);
  }

  text(column: number): string {
    return this.textAt(this.startOf(column), this.endOf(column));
  }

  /** Undefined if it is not a number. */
  number(column: number): number | undefined {
    return this.numberAt(this.startOf(column), this.endOf(column));
  }

  isQuotedAt(start: number, end: number): boolean {
    return start < end && this.#block.bytes[start] === this.#quote;
  }

  /** The text of the cell in bytes[start, end). */
  textAt(start: number, end: number): string {
    if (start === end) return '';
    if (this.#block.bytes[start] !== this.#quote) return this.#decode(start, end);
    const text = this.#decode(start + 1, end - 1);
    return text.includes(this.#quoteText)
      ? text.replaceAll(this.#quoteText + this.#quoteText, this.#quoteText)
      : text;
  }

  /** Undefined if it is not a number. */
  numberAt(start: number, end: number): number | undefined {
    return this.isQuotedAt(start, end)
      ? numberIn(this.#block.bytes, start + 1, end - 1)
      : numberIn(this.#block.bytes, start, end);
  }

  /** True or false in any mixture of upper and lower case. Undefined if it is neither. */
  booleanAt(start: number, end: number): boolean | undefined {
    const text = this.textAt(start, end);
    if (text === 'true') return true;
    if (text === 'false') return false;
    const lower = text.toLowerCase();
    if (lower === 'true') return true;
    return lower === 'false' ? false : undefined;
  }

  #decode(start: number, end: number): string {
    const block = this.#block;
    if (end > block.end || start < block.start) block.moveTo(this.#recordStart);
    if (end <= block.end && (this.#latin1 || block.isAscii())) {
      return block.text.slice(start - block.start, end - block.start);
    }
    if (this.#latin1) return raw(block.bytes).latin1Slice(start, end);
    const text = decodeString(block.bytes, start, end);
    if (end > block.utf8End() && text.includes('\ufffd') && !isUtf8(block.bytes.subarray(start, end)))
      this.isReplaced = true;
    return text;
  }
}
