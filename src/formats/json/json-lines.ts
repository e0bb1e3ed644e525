import { MapReduceError } from '../../base/errors.ts';
import { checkOptionNames } from '../../base/nearest-name.ts';
import { preview } from '../../base/show-value.ts';
import { byteRanges } from '../byte-ranges.ts';
import type { Sink } from '../sink.ts';
import type { Source } from '../source.ts';
import { type StandardSchema, schemaCheck } from '../standard-schema.ts';
import { type JsonLike, jsonLinesSink } from './json-sinks.ts';

/** Options of `jsonLines()` as a source. */
export interface JsonLinesOptions<T = unknown> {
  /**
   * The names of the top-level fields to read, for speed: with a few of many fields, reading takes a quarter of the time.
   * Records then have only these fields. Lines are still checked as a whole, and a line that is no object is a bad record.
   */
  readonly select?: readonly FieldOf<T>[];
  /**
   * Whether integers beyond 2^53 become a bigint, so that they are exact. Default: they are rounded to a number, as by
   * JSON.parse. Smaller integers and all other numbers are numbers in any case.
   */
  readonly exactIntegers?: boolean;
}

/** The names of T's fields; any name if T says nothing about them. */
export type FieldOf<T> = unknown extends T ? string : keyof T & string;

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
  const schema = isOptions(first) ? undefined : first;
  const options = (isOptions(first) ? first : second) ?? {};
  if (typeof options === 'object' && 'schema' in options) throw schemaIsFirst();
  checkOptionNames('jsonLines()', options, ['select', 'exactIntegers']);
  const { select, exactIntegers = false } = options;
  if (select !== undefined) checkSelect(select);
  const check = schema === undefined ? undefined : schemaCheck(schema, 'jsonLines()');
  const source = byteRanges<T>({
    name: 'jsonLines',
    splittable: true,
    isText: true,
    createParser: async (piece) =>
      (await import('./json-lines-parser.ts')).jsonLinesParser(piece, { select, exactIntegers, check }),
  });
  return { ...source, ...jsonLinesSink<JsonRow<T>>() };
}

function isOptions<T>(
  given: StandardSchema<T> | JsonLinesOptions<T> | undefined,
): given is JsonLinesOptions<T> | undefined {
  if (given === undefined) return true;
  if (typeof given !== 'object' || given === null || '~standard' in given) return false;
  // Schemas of libraries have '~standard', and older ones are instances of classes.
  return Object.getPrototypeOf(given) === Object.prototype;
}

function schemaIsFirst(): MapReduceError {
  return new MapReduceError(
    'JobDefinitionError',
    'jsonLines() has no option "schema". Pass the schema itself: jsonLines(schema), or jsonLines(schema, { select: [...] }).',
  );
}

function checkSelect(select: unknown): void {
  const isValid =
    Array.isArray(select) &&
    select.length > 0 &&
    select.every((field) => typeof field === 'string' && field !== '__proto__' && field.isWellFormed());
  if (isValid && new Set(select).size === select.length) return;
  throw new MapReduceError(
    'JobDefinitionError',
    `jsonLines() received select ${preview(select)}; it must be a list of the names of top-level fields, such as ['id', 'country'], each once.`,
  );
}
