/** Makes the records of a CSV file from its cells. */
import { type ObjectMaker, objectMaker, type Values } from '../object-maker.ts';
import type { Cells } from './cells.ts';
import type { CsvType } from './csv-options.ts';
import { wrongType } from './messages.ts';
import type { ScannedColumn, ScannedRow } from './scanned-rows.ts';

/** Makes records. One per reader. */
export interface RowMaker<R> {
  /** How many columns each record must have. -1: any number. */
  readonly columnCount: number;
  /** Whether a record may have more columns, which nobody reads. */
  readonly moreAllowed: boolean;
  /** If the record is malformed, `cells.problem` says why, and the result is meaningless. */
  make(cells: Cells): R | undefined;
  /** Absent if the kernel cannot read the rows. */
  readonly scanned?: ScannedRowMaker<R> | undefined;
}

/** Makes records of rows that the kernel has read. */
export interface ScannedRowMaker<R> {
  readonly columns: readonly ScannedColumn[];
  /** The same as RowMaker.make(). */
  make(row: ScannedRow, cells: Cells): R | undefined;
}

/** A column that the job wants. */
export interface WantedColumn {
  readonly name: string;
  readonly type: CsvType;
  /** Its place in the file, from 0. */
  readonly index: number;
}

/** `string[]`: all cells of a record, whatever their number. */
export const textRows: RowMaker<readonly string[]> = {
  columnCount: -1,
  moreAllowed: false,
  make(cells) {
    const row: string[] = [];
    for (let column = 0; column < cells.columnCount; column++) row.push(cells.text(column));
    return row;
  },
};

type Cell = string | number | boolean | null | undefined;

/** Makes an object of the wanted columns. */
export class ObjectRows implements RowMaker<object> {
  readonly columnCount: number;
  readonly moreAllowed: boolean;
  readonly scanned: ScannedRowMaker<object>;
  readonly #values: RowValues;
  readonly #objectOf: ObjectMaker;

  constructor(
    wanted: readonly WantedColumn[],
    options: { readonly columnCount: number; readonly moreAllowed: boolean; readonly nullText: string },
  ) {
    const { columnCount, moreAllowed, nullText } = options;
    this.#values = new RowValues(wanted, nullText);
    this.#objectOf = objectMaker(wanted.map(({ name }) => name));
    this.columnCount = columnCount;
    this.moreAllowed = moreAllowed;
    this.scanned = {
      // The kernel does not know the text that means null.
      columns: wanted.map(({ index, type }) => ({
        index,
        type: type.endsWith('?') && nullText !== '' ? undefined : type,
      })),
      make: (row, cells) => this.#make(row, cells),
    };
  }

  make(cells: Cells): object {
    return this.#make(undefined, cells);
  }

  #make(row: ScannedRow | undefined, cells: Cells): object {
    const values = this.#values;
    // They rarely change, and comparing costs less than the write barrier of an assignment.
    if (values.row !== row) values.row = row;
    if (values.cells !== cells) values.cells = cells;
    return this.#objectOf(values);
  }
}

/** The values of the wanted columns in the current row. */
class RowValues implements Values {
  /** Undefined for a row that the kernel has not read. */
  row: ScannedRow | undefined;
  cells!: Cells;
  readonly #wanted: readonly WantedColumn[];
  readonly #nullText: string;

  constructor(wanted: readonly WantedColumn[], nullText: string) {
    this.#wanted = wanted;
    this.#nullText = nullText;
  }

  /** Undefined for a value of another type: `cells.problem` is then set. */
  value(i: number): Cell {
    const { row, cells } = this;
    if (row !== undefined) return row.value(i) ?? this.#cell(i, row.cellStart(i), row.cellEnd(i));
    const { index } = this.#wanted[i]!;
    return this.#cell(i, cells.startOf(index), cells.endOf(index));
  }

  /** The value in [start, end). */
  #cell(i: number, start: number, end: number): Cell {
    const { cells } = this;
    const column = this.#wanted[i]!;
    const value = this.#typed(column.type, start, end);
    if (value === undefined) cells.problem ??= wrongType(column, cells.textAt(start, end));
    return value;
  }

  #typed(type: CsvType, start: number, end: number): Cell {
    const { cells } = this;
    if (type === 'string') return cells.textAt(start, end);
    if (type === 'number') return cells.numberAt(start, end);
    if (type === 'boolean') return cells.booleanAt(start, end);
    if (this.#isNull(type, start, end)) return null;
    if (type === 'number?') return cells.numberAt(start, end);
    return type === 'boolean?' ? cells.booleanAt(start, end) : cells.textAt(start, end);
  }

  /** Quoted text is never null, but a number or boolean can be nothing else if it is empty. */
  #isNull(type: CsvType, start: number, end: number): boolean {
    const { cells } = this;
    if (start === end) return true;
    if (!cells.isQuotedAt(start, end))
      return this.#nullText !== '' && cells.textAt(start, end) === this.#nullText;
    return type !== 'string?' && end - start === 2;
  }
}

/** Applies a function that checks and converts records. */
export class CheckedRows<R, T> implements RowMaker<T> {
  readonly columnCount: number;
  readonly moreAllowed: boolean;
  readonly scanned: ScannedRowMaker<T> | undefined;
  readonly #rows: RowMaker<R>;
  readonly #check: (record: R, refuse: (message: string) => void) => T | undefined;

  constructor(rows: RowMaker<R>, check: (record: R, refuse: (message: string) => void) => T | undefined) {
    this.columnCount = rows.columnCount;
    this.moreAllowed = rows.moreAllowed;
    this.#rows = rows;
    this.#check = check;
    const { scanned } = rows;
    this.scanned = scanned && {
      columns: scanned.columns,
      make: (row, cells) => this.#checked(scanned.make(row, cells), cells),
    };
  }

  make(cells: Cells): T | undefined {
    return this.#checked(this.#rows.make(cells), cells);
  }

  #checked(record: R | undefined, cells: Cells): T | undefined {
    if (record === undefined || cells.problem !== undefined) return undefined;
    return this.#check(record, (message) => {
      cells.problem = message;
    });
  }
}
