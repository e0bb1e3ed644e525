import type { Sink } from '../sink.ts';
import type { Source } from '../source.ts';
import type { StandardSchema } from '../standard-schema.ts';
import { type JsonLinesOptions, jsonLinesSource } from './json-lines-source.ts';
import { type JsonLike, jsonLinesSink } from './json-sinks.ts';

/** What `jsonLines<T>()` writes: T, or anything that JSON holds if T is not given. */
export type JsonRow<T> = unknown extends T ? JsonLike : T;

/**
 * JSON Lines, as `input` and as `output`: one JSON value per line.
 *
 * As `input`, each value is a record. Lines of white space are skipped; a line that is not JSON, or does not match the schema,
 * is a bad record. A plain file may be cut anywhere. With a schema of any Standard Schema library (zod, valibot, arktype), the
 * records are checked and typed by it; without one, the compiler takes `T` on trust.
 *
 * As `output`, each emitted value is one line; the extension is `jsonl`. The key is not written; it only sorts the rows. A value
 * that JSON would silently drop or change (undefined, NaN, Date, Map and so on) is an UnencodableValueError.
 *
 * @throws JobDefinitionError for `select` that is not a list of names, and for a schema that is asynchronous
 *
 * @example
 * input: jsonLines<{ id: string; country: string }>({ select: ['id', 'country'] }),
 * output: jsonLines<{ country: string; users: number }>(),   // emit(null, { country: 'NZ', users: 3 })
 */
export function jsonLines<T>(
  schema: StandardSchema<T>,
  options?: JsonLinesOptions,
): Source<T> & Sink<unknown, JsonRow<T>>;
// Last, since the compiler explains a mistake by the last overload.
export function jsonLines<T = unknown>(options?: JsonLinesOptions<T>): Source<T> & Sink<unknown, JsonRow<T>>;
export function jsonLines<T>(
  first?: StandardSchema<T> | JsonLinesOptions<T>,
  second?: JsonLinesOptions,
): Source<T> & Sink<unknown, JsonRow<T>> {
  // The cast: the overloads above have checked which of the two the first argument is.
  const source = jsonLinesSource(first as StandardSchema<T>, second);
  return { ...source, ...jsonLinesSink<JsonRow<T>>() };
}
