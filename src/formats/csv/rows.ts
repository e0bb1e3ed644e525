/** Makes the records of a CSV file from its cells. */
import { type ObjectMaker, objectMaker } from '../object-maker.ts';
import type { Cells } from './cells.ts';
import type { CsvType } from './csv-options.ts';
import { wrongType } from './messages.ts';

/** Makes records. One per reader. */
export interface RowMaker<R> {
  /** How many columns each record must have. -1: any number. */
  readonly columnCount: number;
  /** Whether a record may have more columns, which nobody reads. */
  readonly moreAllowed: boolean;
  /** Undefined if the record is malformed: `cells.problem` says why. */
  make(cells: Cells): R | undefined;
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
  readonly #wanted: readonly WantedColumn[];
  readonly #values: Cell[];
  readonly #objectOf: ObjectMaker;
  readonly #nullText: string;

  constructor(
    wanted: readonly WantedColumn[],
    options: { readonly columnCount: number; readonly moreAllowed: boolean; readonly nullText: string },
  ) {
    this.#wanted = wanted;
    this.#values = wanted.map(() => undefined);
    this.#objectOf = objectMaker(wanted.map(({ name }) => name));
    this.columnCount = options.columnCount;
    this.moreAllowed = options.moreAllowed;
    this.#nullText = options.nullText;
  }

  make(cells: Cells): object | undefined {
    const wanted = this.#wanted;
    const values = this.#values;
    for (let i = 0; i < wanted.length; i++) {
      const column = wanted[i]!;
      if (column.type === 'string') {
        values[i] = cells.text(column.index);
        continue;
      }
      const value = this.#typed(cells, column);
      if (value === undefined) {
        cells.problem = wrongType(column, cells.text(column.index));
        return undefined;
      }
      values[i] = value;
    }
    return this.#objectOf(values);
  }

  #typed(cells: Cells, { type, index }: WantedColumn): Cell {
    if (type === 'number') return cells.number(index);
    if (type === 'boolean') return cells.boolean(index);
    if (this.#isNull(cells, index, type)) return null;
    if (type === 'number?') return cells.number(index);
    return type === 'boolean?' ? cells.boolean(index) : cells.text(index);
  }

  /** Quoted text is never null, but a number or boolean can be nothing else if it is empty. */
  #isNull(cells: Cells, index: number, type: CsvType): boolean {
    if (cells.isEmpty(index)) return true;
    if (!cells.isQuoted(index)) return this.#nullText !== '' && cells.text(index) === this.#nullText;
    return type !== 'string?' && cells.endOf(index) - cells.startOf(index) === 2;
  }
}

/** Applies a function that checks and converts records. */
export class CheckedRows<R, T> implements RowMaker<T> {
  readonly columnCount: number;
  readonly moreAllowed: boolean;
  readonly #rows: RowMaker<R>;
  readonly #check: (record: R, refuse: (message: string) => void) => T | undefined;

  constructor(rows: RowMaker<R>, check: (record: R, refuse: (message: string) => void) => T | undefined) {
    this.columnCount = rows.columnCount;
    this.moreAllowed = rows.moreAllowed;
    this.#rows = rows;
    this.#check = check;
  }

  make(cells: Cells): T | undefined {
    const record = this.#rows.make(cells);
    if (record === undefined) return undefined;
    return this.#check(record, (message) => {
      cells.problem = message;
    });
  }
}
