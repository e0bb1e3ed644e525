import type { TypeOf } from '../codec/codec.ts';
import { type TsvColumns, tsvSink } from './csv/tsv-sink.ts';
import { partOf, type TsvType, tsvSource } from './csv/tsv-source.ts';
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
  const source = tsvSource(key ?? 'string', value ?? 'string');
  const sink = key === undefined && value === undefined ? tsvSink() : tsvSink(partOf(key), partOf(value));
  return { ...source, ...sink };
}
