/** Rows of CSV that the kernel has read (scan-kernel.ts), window by window. It leaves records that break the rules to the scanner. */
import {
  CELL_WORDS,
  FIRST_ROW,
  HEADER_WORDS,
  NUMBER,
  type ScanKernel,
  scanKernel,
  WINDOW_BYTES,
} from '../scan-kernel.ts';
import type { CsvDialect, CsvType } from './csv-options.ts';

/** A column that the kernel is to read. */
export interface ScannedColumn {
  /** Its place in the file, from 0. */
  readonly index: number;
  /** Undefined if the kernel is only to find it. */
  readonly type: CsvType | undefined;
}

/** One row. */
export interface ScannedRow {
  /** The value of a wanted column. Undefined for a cell that the kernel has only found. */
  value(i: number): string | number | undefined;
  /** Indexes in the bytes. */
  cellStart(i: number): number;
  cellEnd(i: number): number;
}

export interface ScannedRowsOptions {
  readonly dialect: CsvDialect;
  readonly columns: readonly ScannedColumn[];
  /** How many columns each record must have. */
  readonly columnCount: number;
  readonly moreAllowed: boolean;
}

const WANTED_MAX = 256;
/** The kernel stops at a record that has a few more. */
const COLUMNS_MAX = 1000;
/** Where the kernel reads which columns are wanted, in words, and how it must try to read each. */
const COLUMNS_AT = 1024 / 4;
const KINDS: Partial<Record<CsvType, number>> = { number: 1, 'number?': 1, string: 2, 'string?': 3 };

export class ScannedRows implements ScannedRow {
  /** Whether the last scan() ended at a record that the kernel cannot read, or that does not end in the bytes. */
  isStopped = false;

  readonly #kernel: ScanKernel;
  readonly #options: ScannedRowsOptions;
  readonly #rowWords: number;
  /** One bit for each wanted column: whether its texts are looked up. */
  #lookedUp = -1;
  #bytes!: Buffer;
  /** The window holds bytes [start, end). */
  #start = 0;
  #end = 0;
  /** The first word of the current row. */
  #row = 0;

  private constructor(kernel: ScanKernel, options: ScannedRowsOptions) {
    this.#kernel = kernel;
    this.#options = options;
    this.#rowWords = HEADER_WORDS + CELL_WORDS * options.columns.length;
  }

  /** Returns undefined if the kernel cannot read these columns, or cannot run. */
  static of(options: ScannedRowsOptions): ScannedRows | undefined {
    if (options.columns.length > WANTED_MAX || options.columnCount > COLUMNS_MAX) return undefined;
    const kernel = scanKernel();
    return kernel && new ScannedRows(kernel, options);
  }

  /**
   * Takes bytes, which must stay as they are until close().
   *
   * @returns false if the kernel is busy
   */
  open(bytes: Buffer): boolean {
    const kernel = this.#kernel;
    if (kernel.isBusy) return false;
    if (kernel.owner !== this) this.#describe();
    kernel.isBusy = true;
    this.#bytes = bytes;
    this.#start = 0;
    this.#end = 0;
    return true;
  }

  close(): void {
    this.#kernel.isBusy = false;
  }

  /**
   * Reads records from `at`, where no comment may start.
   *
   * @returns how many. select() selects one of them
   */
  scan(at: number): number {
    const kernel = this.#kernel;
    const isLoaded = at >= this.#end || at < this.#start;
    if (isLoaded) this.#load(at);
    const rows = kernel.functions.csvRows(at - this.#start, this.#end - this.#start);
    const lookedUp = kernel.learn(rows, this.#lookedUp);
    if (lookedUp !== this.#lookedUp) {
      this.#lookedUp = lookedUp;
      kernel.functions.lookUp(lookedUp);
    }
    this.isStopped =
      kernel.isIrregular || this.#end === this.#bytes.length || (isLoaded && kernel.next === 0);
    // The record that does not end in the window is read with the next one.
    if (!kernel.isIrregular) this.#end = this.#start;
    return rows;
  }

  /** Where the record starts that comes after those of the last scan(). */
  get next(): number {
    return this.#start + this.#kernel.next;
  }

  select(row: number): void {
    this.#row = FIRST_ROW + row * this.#rowWords;
  }

  get recordEnd(): number {
    return this.#start + this.#kernel.words[this.#row + 1]!;
  }

  value(i: number): string | number | undefined {
    const { words, texts, doubles } = this.#kernel;
    const cell = this.#row + HEADER_WORDS + CELL_WORDS * i;
    const tag = words[cell]!;
    if (tag >= 0) return texts[tag];
    return tag === NUMBER ? doubles[(cell >> 1) + 1] : undefined;
  }

  cellStart(i: number): number {
    return this.#start + this.#kernel.words[this.#row + HEADER_WORDS + CELL_WORDS * i + 2]!;
  }

  cellEnd(i: number): number {
    return this.#start + this.#kernel.words[this.#row + HEADER_WORDS + CELL_WORDS * i + 3]!;
  }

  #load(start: number): void {
    this.#start = start;
    this.#end = Math.min(start + WINDOW_BYTES, this.#bytes.length);
    this.#kernel.load(this.#bytes, this.#start, this.#end);
  }

  #describe(): void {
    const kernel = this.#kernel;
    const { dialect, columns, columnCount, moreAllowed } = this.#options;
    for (const [i, { index, type }] of columns.entries()) {
      kernel.words[COLUMNS_AT + 2 * i] = index;
      kernel.words[COLUMNS_AT + 2 * i + 1] = type === undefined ? 0 : (KINDS[type] ?? 0);
    }
    const { delimiter, quote, comment, multiline } = dialect;
    kernel.functions.describeCsv(
      columns.length,
      delimiter,
      quote,
      comment,
      multiline,
      columnCount,
      moreAllowed,
    );
    kernel.functions.lookUp(this.#lookedUp);
    kernel.owner = this;
  }
}
