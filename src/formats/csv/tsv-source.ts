import type { JsonType } from '../../codec/codec.ts';
import type { OpenPiece } from '../source.ts';
import type { Cells } from './cells.ts';
import { NONE } from './csv-options.ts';
import { CsvParser } from './csv-parser.ts';
import type { RowMaker } from './rows.ts';
import { cellReader, type TsvCellReader } from './tsv-cells.ts';

/**
 * The type of a key or value in a TSV file: what a job has as `key` or `value`, except codecs of its own. A tuple is several
 * columns; a tuple inside a tuple is one column of JSON.
 */
export type TsvType = 'string' | 'number' | 'bytes' | JsonType<unknown> | readonly TsvType[];

/** The input half of `tsv(key, value)`. The types must be ones that `tsv()` reads. */
export function tsvParser(
  piece: OpenPiece,
  types: { readonly key: TsvType; readonly value: TsvType },
): CsvParser<readonly [unknown, unknown]> {
  const key = columnsOf('key', types.key);
  const value = columnsOf('value', types.value);
  return new CsvParser(piece, {
    dialect: { delimiter: TAB, quote: NONE, comment: NONE, multiline: false },
    encoding: 'utf8',
    header: false,
    // A file starts with the first key, which may start with U+FEFF.
    skipsMark: false,
    rows: () => new PairRows(key, value),
  });
}

const TAB = 0x09;

interface Columns {
  /** Whether the value is an array of the columns, rather than the only column. */
  readonly isTuple: boolean;
  readonly readers: readonly TsvCellReader[];
}

function columnsOf(field: 'key' | 'value', type: TsvType): Columns {
  return Array.isArray(type)
    ? { isTuple: true, readers: type.map((each, i) => cellReader(`${field}[${i}]`, each)) }
    : { isTuple: false, readers: [cellReader(field, type)] };
}

/** Makes pairs of key and value. */
class PairRows implements RowMaker<readonly [unknown, unknown]> {
  readonly columnCount: number;
  readonly moreAllowed = false;
  readonly #key: Columns;
  readonly #value: Columns;

  constructor(key: Columns, value: Columns) {
    this.#key = key;
    this.#value = value;
    this.columnCount = key.readers.length + value.readers.length;
  }

  make(cells: Cells): readonly [unknown, unknown] {
    return [decoded(cells, this.#key, 0), decoded(cells, this.#value, this.#key.readers.length)];
  }
}

function decoded(cells: Cells, { isTuple, readers }: Columns, first: number): unknown {
  if (!isTuple) return readers[0]!(cells, first);
  const tuple: unknown[] = [];
  for (let i = 0; i < readers.length; i++) tuple.push(readers[i]!(cells, first + i));
  return tuple;
}
