import { MapReduceError } from '../base/errors.ts';
import { preview } from '../base/show-value.ts';
import type { TypeOf } from '../codec/codec.ts';
import { byteRanges } from './byte-ranges.ts';
import { type TsvCellType, type TsvColumns, type TsvPart, tsvSink } from './csv/tsv-sink.ts';
import type { TsvType } from './csv/tsv-source.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';

/**
 * Tab-separated values, as `output` and as `input`: the columns of the key, then those of the value; the extension is `tsv`.
 * A tuple is several columns. In text and bytes, tab, newline, carriage return and backslash are written as `\t`, `\n`, `\r` and
 * `\\`, so that each line is one record. A file can be cut at any line end.
 *
 * `tsv(key, value)` declares the types as a job does, except codecs of its own. What it writes, it reads back exactly: any
 * text and bytes, numbers (-0, NaN and Infinity too), tuples, and JSON, which is then written as JSON whatever it holds.
 *
 * As `input`, `tsv()` is `tsv('string', 'string')`. A line with more or fewer columns, a number or JSON that is none, or a
 * backslash that stands for nothing is a malformed record (BadRecordError, or skipped with onBadRecord). An empty column is
 * empty text, no bytes, or null in a column of JSON. TSV files of other programs, with a header or without escapes, are
 * read by `csv({ delimiter: '\t', quote: false })`.
 *
 * As `output`, `tsv()` takes any key and value: null and undefined are empty, objects are JSON, and -0 is 0. Emitting a function,
 * a symbol, or an object that JSON cannot hold is an UnencodableValueError.
 *
 * @throws JobDefinitionError for types that it cannot read
 *
 * @example
 * output: tsv(),                              // emit('be', 3) writes "be\t3\n"; emit(['be', 'Hamlet'], 3) writes three columns
 * input: tsv('string', 'number'),             // map(['be', 3], ...)
 * input: tsv(['string', 'string'], json<Count>()),
 */
export function tsv(): Source<readonly [string, string]> & Sink<TsvColumns, TsvColumns>;
export function tsv<const K extends TsvType, const V extends TsvType>(
  key: K,
  value: V,
): Source<readonly [TypeOf<K>, TypeOf<V>]> & Sink<TypeOf<K>, TypeOf<V>>;
export function tsv(
  key?: TsvType,
  value?: TsvType,
): Source<readonly [unknown, unknown]> & Sink<never, never> {
  const types = { key: key ?? 'string', value: value ?? 'string' };
  assertReadable('key', types.key);
  assertReadable('value', types.value);
  const source = byteRanges<readonly [unknown, unknown]>({
    name: 'tsv',
    splittable: true,
    isText: true,
    createParser: async (piece) => (await import('./csv/tsv-source.ts')).tsvParser(piece, types),
  });
  const sink = key === undefined && value === undefined ? tsvSink() : tsvSink(partOf(key), partOf(value));
  return { ...source, ...sink };
}

/** What the output half must know of a type. */
function partOf(type: TsvType = 'string'): TsvPart {
  const cellOf = (each: unknown): TsvCellType => (typeof each === 'string' ? 'plain' : 'json');
  return Array.isArray(type) ? type.map(cellOf) : cellOf(type);
}

function assertReadable(field: 'key' | 'value', type: unknown): void {
  const columns: readonly unknown[] = Array.isArray(type) ? type : [type];
  if (columns.length > 0 && columns.every((column) => column === 'bytes' || isInJson(column))) return;
  throw new MapReduceError(
    'JobDefinitionError',
    `tsv() received the ${field} ${preview(type)}; it reads 'string', 'number', 'bytes', json<T>() and tuples of these. Read other types as 'string' or 'bytes', and convert them in map.`,
  );
}

/** A tuple inside a tuple is a column of JSON, which cannot hold bytes. */
function isInJson(type: unknown): boolean {
  if (type === 'string' || type === 'number') return true;
  if (Array.isArray(type)) return type.length > 0 && type.every(isInJson);
  return typeof type === 'object' && type !== null && 'json' in type && type.json === true;
}
