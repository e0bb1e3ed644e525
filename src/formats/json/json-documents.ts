/**
 * Files that each hold one JSON document, such as the logs of CloudTrail: `{"Records":[{...},{...}]}`. The records are the
 * elements of one array in it.
 */
import { MapReduceError } from '../../base/errors.ts';
import { checkOptionNames } from '../../base/nearest-name.ts';
import { preview } from '../../base/show-value.ts';
import { byteRanges } from '../byte-ranges.ts';
import type { Source } from '../source.ts';
import { type StandardSchema, schemaCheck } from '../standard-schema.ts';

/** Options of `jsonDocuments()`. */
export interface JsonDocumentsOptions<T = unknown> {
  /**
   * Where the array of records is: the names that lead to it, with dots between them, or a list of names. Without a path, the
   * records are the elements of the document if it is an array; any other document is one record.
   */
  readonly path?: string | readonly string[];
  /** Checks and converts each record: a schema of zod, valibot, arktype or another Standard Schema library. */
  readonly schema?: StandardSchema<T>;
  /**
   * Whether integers beyond 2^53 become a bigint, so that they are exact. Default: they are rounded to a number, as by
   * JSON.parse. Smaller integers and all other numbers are numbers in any case.
   */
  readonly exactIntegers?: boolean;
}

/**
 * The input format of files that each hold one JSON document. A file is never cut, but a document may be of any size: only
 * one of its records must fit into memory. Files may be plain, gzip or zstd.
 *
 * Bad records are: a document that is not JSON or ends too early (the records before that place are read, the rest of the
 * file is not), one without an array at the path, an empty file, and a record that the schema refuses.
 *
 * @throws JobDefinitionError for an invalid path or schema
 *
 * @example
 * input: jsonDocuments<CloudTrailEvent>({ path: 'Records' }),
 * @example
 * input: jsonDocuments({ path: ['data', 'user.list'], schema: z.object({ id: z.string() }) }),
 */
export function jsonDocuments<T = unknown>(options: JsonDocumentsOptions<T> = {}): Source<T> {
  checkOptionNames('jsonDocuments()', options, ['path', 'schema', 'exactIntegers']);
  const { path, schema, exactIntegers = false } = options;
  const names = namesOf(path);
  const check = schema === undefined ? undefined : schemaCheck(schema, 'jsonDocuments()');
  return byteRanges({
    name: 'jsonDocuments',
    splittable: false,
    isText: true,
    createParser: async (piece) =>
      new (await import('./document-parser.ts')).DocumentParser(piece, { path: names, exactIntegers, check }),
  });
}

function namesOf(path: JsonDocumentsOptions['path']): readonly string[] {
  if (path === undefined) return [];
  const names: unknown = typeof path === 'string' ? path.split('.') : path;
  const isValid = Array.isArray(names) && names.every((name) => typeof name === 'string');
  if (isValid && names.length > 0 && (typeof path !== 'string' || !names.includes(''))) return names;
  throw new MapReduceError(
    'JobDefinitionError',
    `jsonDocuments() received path ${preview(path)}; it must be names with dots between them, such as 'Records' or 'data.items', or a list of names.`,
  );
}
