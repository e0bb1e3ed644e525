import { MapReduceError } from '../../base/errors.ts';
import { preview } from '../../base/show-value.ts';
import type { JsonType, TypeOf } from '../../codec/codec.ts';
import { byteRanges } from '../byte-ranges.ts';
import type { Source } from '../source.ts';
import type { Cells } from './cells.ts';
import { type CsvFormat, CsvParser } from './csv-parser.ts';
import { NONE } from './csv-scanner.ts';
import type { RowMaker } from './rows.ts';
import { cellReader, type TsvCellReader } from './tsv-cells.ts';
import type { TsvCellType, TsvPart } from './tsv-sink.ts';

/**
 * The type of a key or value in a TSV file: what a job has as `key` or `value`, except codecs of its own. A tuple is several
 * columns; a tuple inside a tuple is one column of JSON.
 */
export type TsvType = 'string' | 'number' | 'bytes' | JsonType<unknown> | readonly TsvType[];

/**
 * The input half of `tsv(key, value)`.
 *
 * @throws JobDefinitionError for another type
 */
export function tsvSource<const K extends TsvType, const V extends TsvType>(
  key: K,
  value: V,
): Source<readonly [TypeOf<K>, TypeOf<V>]> {
  const keyColumns = columnsOf('key', key);
  const valueColumns = columnsOf('value', value);
  const format: CsvFormat<unknown> = {
    dialect: { delimiter: TAB, quote: NONE, comment: NONE, multiline: false },
    encoding: 'utf8',
    header: false,
    // A file starts with the first key, which may start with U+FEFF.
    skipsMark: false,
    rows: () => new PairRows(keyColumns, valueColumns),
  };
  const source: Source<unknown> = byteRanges({
    name: 'tsv',
    splittable: true,
    isText: true,
    createParser: (piece) => new CsvParser(piece, format),
  });
  // The types of the columns are checked for each record.
  return source as Source<readonly [TypeOf<K>, TypeOf<V>]>;
}

/** What the output half must know of a type. */
export function partOf(type: TsvType = 'string'): TsvPart {
  const cellOf = (each: unknown): TsvCellType => (typeof each === 'string' ? 'plain' : 'json');
  return Array.isArray(type) ? type.map(cellOf) : cellOf(type);
}

const TAB = 0x09;

interface Columns {
  /** Whether the value is an array of the columns, rather than the only column. */
  readonly isTuple: boolean;
  readonly readers: readonly TsvCellReader[];
}

function columnsOf(field: 'key' | 'value', type: TsvType): Columns {
  const isTuple = Array.isArray(type);
  const types: readonly unknown[] = isTuple ? type : [type];
  const readers = types.map((each, i) => cellReader(isTuple ? `${field}[${i}]` : field, each));
  const known = readers.filter((reader) => reader !== undefined);
  if (known.length === 0 || known.length < types.length) {
    throw new MapReduceError(
      'JobDefinitionError',
      `tsv() received the ${field} ${preview(type)}; it reads 'string', 'number', 'bytes', json<T>() and tuples of these. Read other types as 'string' or 'bytes', and convert them in map.`,
    );
  }
  return { isTuple, readers: known };
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
