/** Makes records of lines that the kernel has read (scan-kernel.ts). It reads up to 15 fields. */

import type { Values } from '../object-maker.ts';
import {
  CELL_WORDS,
  FALSE,
  FIRST_ROW,
  HEADER_WORDS,
  NULL,
  NUMBER,
  type ScanKernel,
  scanKernel,
  TEXT,
  TRUE,
  WINDOW_BYTES,
} from '../scan-kernel.ts';
import type { FieldReader } from './field-reader.ts';

/** The order of the fields has four bits for each, and 0 means that there is none. */
const FIELDS_MAX = 15;
/** Positions in the kernel's memory, in bytes. */
const NAMES_AT = 4096;
const NAME_BYTES = 64;
const NAME_AT = 16;
const QUOTES_BYTES = 2;

export class ScannedLines implements Values {
  readonly #kernel: ScanKernel;
  readonly #reader: FieldReader;
  readonly #rowWords: number;
  /** One bit for each field: whether its texts are looked up. */
  #lookedUp = -1;
  #bytes!: Buffer;
  /** Whether the reader has the same bytes. */
  #isRead = false;
  /** The window, if it was needed. */
  #text: string | undefined;
  /** The order of the fields of the last record, as the kernel writes it: the first eight fields, and the others. */
  #order0 = 0;
  #order1 = 0;
  readonly #order: number[] = [];
  /** The first cell of the current line. */
  #cells = 0;

  private constructor(kernel: ScanKernel, reader: FieldReader) {
    this.#kernel = kernel;
    this.#reader = reader;
    this.#rowWords = HEADER_WORDS + CELL_WORDS * reader.names.length;
  }

  /** Returns undefined if the kernel cannot read these fields, or cannot run. */
  static of(reader: FieldReader): ScannedLines | undefined {
    const isTooLong = (name: Buffer) => name.length + QUOTES_BYTES > NAME_BYTES - NAME_AT;
    if (reader.names.length > FIELDS_MAX || reader.names.some(isTooLong)) return undefined;
    const kernel = scanKernel();
    return kernel && new ScannedLines(kernel, reader);
  }

  /**
   * Takes a block of lines, the last with its newline.
   *
   * @returns false if the kernel cannot read it. Otherwise close() must be called
   */
  open(bytes: Buffer): boolean {
    const kernel = this.#kernel;
    if (bytes.length > WINDOW_BYTES || kernel.isBusy) return false;
    if (kernel.owner !== this) this.#describe();
    kernel.isBusy = true;
    kernel.load(bytes, 0, bytes.length);
    this.#bytes = bytes;
    this.#isRead = false;
    this.#text = undefined;
    return true;
  }

  close(): void {
    this.#kernel.isBusy = false;
  }

  /**
   * Reads lines from `from`.
   *
   * @returns how many. `next` is then where the line after them starts
   */
  scan(from: number): number {
    const kernel = this.#kernel;
    const rows = kernel.functions.jsonLines(from, this.#bytes.length);
    const lookedUp = kernel.learn(rows, this.#lookedUp);
    if (lookedUp !== this.#lookedUp) {
      this.#lookedUp = lookedUp;
      kernel.functions.lookUp(lookedUp);
    }
    return rows;
  }

  get next(): number {
    return this.#kernel.next;
  }

  /** Whether all strings of the lines are ASCII. If not, they may be anything. */
  get isAscii(): boolean {
    return this.#kernel.isAscii;
  }

  /** Where the line starts. */
  startOf(row: number): number {
    return this.#kernel.words[FIRST_ROW + row * this.#rowWords]!;
  }

  /** The record of a line. Undefined for a line that is not regular. */
  record(row: number): object | undefined {
    const { words } = this.#kernel;
    const at = FIRST_ROW + row * this.#rowWords;
    if (words[at + 1]! < 0) return undefined;
    if (words[at + 2] !== this.#order0 || words[at + 3] !== this.#order1) this.#useOrder(at);
    this.#cells = at + HEADER_WORDS;
    return this.#reader.shapes.make(this.#order, this.#order.length, this);
  }

  /** The reader, with the block. */
  reader(): FieldReader {
    if (!this.#isRead) this.#reader.load(this.#bytes);
    this.#isRead = true;
    return this.#reader;
  }

  /** The value of the i-th field of the current line. */
  value(i: number): unknown {
    const cell = this.#cells + CELL_WORDS * this.#order[i]!;
    const { words, texts, doubles } = this.#kernel;
    const tag = words[cell]!;
    if (tag >= 0) return texts[tag];
    if (tag === NUMBER) return doubles[(cell >> 1) + 1];
    if (tag === TRUE) return true;
    if (tag === FALSE) return false;
    if (tag === NULL) return null;
    const start = words[cell + 2]!;
    const end = words[cell + 3]!;
    if (tag !== TEXT) return this.reader().valueAt(start, end);
    this.#text ??= this.#kernel.latin1(0, this.#bytes.length);
    return this.#text.slice(start, end);
  }

  #useOrder(at: number): void {
    const { words } = this.#kernel;
    this.#order0 = words[at + 2]!;
    this.#order1 = words[at + 3]!;
    this.#order.length = 0;
    for (let i = 0; i < FIELDS_MAX; i++) {
      const field = ((i < 8 ? this.#order0 : this.#order1) >>> (4 * (i & 7))) & 0xf;
      if (field === 0) break;
      this.#order.push(field - 1);
    }
  }

  #describe(): void {
    const kernel = this.#kernel;
    const { bytes, words } = kernel;
    for (const [i, name] of this.#reader.names.entries()) {
      const at = NAMES_AT + NAME_BYTES * i;
      words[at / 4] = name.length + QUOTES_BYTES;
      bytes.write('"', at + NAME_AT);
      name.copy(bytes, at + NAME_AT + 1);
      bytes.write('"', at + NAME_AT + 1 + name.length);
    }
    kernel.functions.select(this.#reader.names.length);
    kernel.functions.lookUp(this.#lookedUp);
    kernel.owner = this;
  }
}
