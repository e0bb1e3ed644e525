/**
 * The WebAssembly kernel (kernels/scan.ts) that finds the fields of JSON Lines and CSV, and lines of text that may match a regular
 * expression, several times as fast as JavaScript. Each
 * thread has one. The parsers copy a window of their input into its memory, and make records of the rows that it writes. They
 * read themselves what the kernel leaves to them, and everything where it cannot run.
 */
import { KiB } from '../base/limits.ts';
import { compileWebAssembly } from '../base/web-assembly.ts';
import { raw } from '../codec/raw-bytes.ts';
import { SCAN_KERNEL } from './scan-kernel-code.ts';

/** Positions in bytes, as in kernels/scan.ts. */
const LEARNT_AT = 64 * KiB;
const INPUT_AT = 192 * KiB;
const ROWS_AT = 320 * KiB;
const MEMORY_BYTES = 640 * KiB;
const PAGE_BYTES = 64 * KiB;
const LEARNT_WORDS = 3;

/** How many bytes the kernel reads at once. */
export const WINDOW_BYTES = 64 * KiB;
/** A row starts with its start and end in the window, and the order of its fields. */
export const HEADER_WORDS = 4;
export const CELL_WORDS = 4;
/** The first word of each row, as an index of `words`. */
export const FIRST_ROW = ROWS_AT / 4;

/** First words of cells. From 0: the id of a text. */
export const MISSING = -1;
export const NUMBER = -2;
export const TRUE = -3;
export const FALSE = -4;
export const NULL = -5;
export const TEXT = -6;

/** What the kernel exports; kernels/scan.ts describes the functions. */
interface ScanFunctions {
  start(): void;
  lookUp(cells: number): void;
  select(count: number): void;
  jsonLines(from: number, to: number): number;
  describeCsv(
    ...dialect: readonly [
      count: number,
      delimiter: number,
      quote: number,
      comment: number,
      isMultiline: boolean,
      columnCount: number,
      moreAllowed: boolean,
    ]
  ): void;
  csvRows(from: number, to: number): number;
  linesWithPair(
    ...search: readonly [
      from: number,
      to: number,
      first: number,
      firstBits: number,
      second: number,
      secondBits: number,
      distance: number,
    ]
  ): number;
}

/** If most texts of a cell are unknown, looking them up costs more than making them. This many show it. */
const LEARNT_CELLS_MIN = 64;

export class ScanKernel {
  readonly functions: ScanFunctions;
  readonly bytes: Buffer;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  /** The texts by their ids. */
  readonly texts: string[] = [];
  /** Who described to the kernel what it is to find. */
  owner: object | undefined;
  /** Whether its rows are being delivered. A parser that is called meanwhile must not use it. */
  isBusy = false;

  constructor(functions: ScanFunctions, memory: ArrayBuffer) {
    this.functions = functions;
    this.bytes = Buffer.from(memory);
    this.words = new Int32Array(memory);
    this.doubles = new Float64Array(memory);
    functions.start();
  }

  /** Copies bytes [from, to) to the window. */
  load(bytes: Buffer, from: number, to: number): void {
    bytes.copy(this.bytes, INPUT_AT, from, to);
  }

  /** Where the last call stopped in the window. */
  get next(): number {
    return this.words[0]!;
  }

  /** Whether it stopped before a record that is not regular. */
  get isIrregular(): boolean {
    return this.words[1] !== 0;
  }

  /** Whether all strings of the last call's JSON are ASCII. */
  get isAscii(): boolean {
    return this.words[3] !== 0;
  }

  /** Bytes of the window, one character each. */
  latin1(from: number, to: number): string {
    return raw(this.bytes).latin1Slice(INPUT_AT + from, INPUT_AT + to);
  }

  /**
   * Makes the texts that the last call has learnt. Must be called after each.
   *
   * @param lookedUp  one bit for each cell whose texts are looked up
   * @returns the same without the cells in which most texts were unknown
   */
  learn(rows: number, lookedUp: number): number {
    const { words, texts } = this;
    const learnt = words[2]!;
    if (learnt === 0) return lookedUp;
    const first = words[4]! - learnt;
    let left = lookedUp;
    const perCell = new Map<number, number>();
    for (let i = 0; i < learnt; i++) {
      const at = LEARNT_AT / 4 + LEARNT_WORDS * i;
      texts[first + i] = this.latin1(words[at]!, words[at + 1]!);
      const cell = words[at + 2]!;
      const count = (perCell.get(cell) ?? 0) + 1;
      perCell.set(cell, count);
      if (count > LEARNT_CELLS_MIN && count * 2 > rows) left &= ~(1 << cell);
    }
    return left;
  }
}

let started: ScanKernel | undefined;
let isStarted = false;

/** The kernel of this thread. Undefined where WebAssembly or its SIMD instructions are missing or forbidden. */
export function scanKernel(): ScanKernel | undefined {
  if (!isStarted) {
    isStarted = true;
    started = startKernel();
  }
  return started;
}

function startKernel(): ScanKernel | undefined {
  const compiled = compileWebAssembly(SCAN_KERNEL);
  if (compiled === undefined) return undefined;
  const memory = compiled.memory(MEMORY_BYTES / PAGE_BYTES);
  // The cast: the kernel exports these functions.
  return new ScanKernel(compiled.start(memory) as unknown as ScanFunctions, memory.buffer);
}
