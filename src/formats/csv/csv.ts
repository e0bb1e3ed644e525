import { byteRanges } from '../byte-ranges.ts';
import { recordWise, type Sink } from '../sink.ts';
import type { Source } from '../source.ts';
import { type StandardSchema, schemaCheck } from '../standard-schema.ts';
import {
  type CsvColumns,
  type CsvHeader,
  type CsvOptions,
  type CsvType,
  checkOptions,
  declaredColumns,
  dialectOf,
  wrong,
} from './csv-options.ts';
import { type CsvCell, type CsvRow, csvSink, isDelimiter } from './csv-sink.ts';

/** The TypeScript type of a CsvType. */
export type CsvTypeOf<T> = T extends 'number'
  ? number
  : T extends 'boolean'
    ? boolean
    : T extends 'number?'
      ? number | null
      : T extends 'boolean?'
        ? boolean | null
        : T extends 'string?'
          ? string | null
          : string;

/** The type of the records of `csv()` with these columns. */
export type CsvRecord<C, H = true> = C extends readonly (infer N)[]
  ? { readonly [K in N & string]: string }
  : C extends { readonly [name: string]: CsvType | null }
    ? { readonly [K in keyof C as C[K] extends null ? never : K]: CsvTypeOf<C[K]> }
    : H extends false
      ? readonly string[]
      : { readonly [name: string]: string };

/** What `csv()` with these columns writes: an object of them, or their cells in order. */
export type CsvWrittenRow<C> = C extends readonly string[]
  ? CsvRow<C>
  : { readonly [K in keyof C]: CsvCell } | readonly CsvCell[];

/**
 * Comma-separated values, RFC 4180, as `input` and as `output`.
 *
 * As `input`, each row is a record: an object of the columns that the job names. The other columns cost little. A field in quotes
 * may hold delimiters, line ends, and quotes that are doubled. Lines end with '\n' or '\r\n'; an empty line is skipped,
 * unless the file has one column. A byte order mark is skipped.
 *
 * Types are strict: 'number' accepts decimal numbers, and refuses whole numbers that would lose digits; 'boolean' accepts
 * true and false in upper or lower case. With `?`, an empty cell is null; quoted text (`""`) is not.
 *
 * A record is malformed (BadRecordError, or skipped with onBadRecord) if it has more or fewer columns than the header, a
 * value of another type, or a stray quote. After a stray quote, reading continues with the next line. A file without a
 * column that is wanted is a CorruptInputError.
 *
 * Large files are split, also if quoted fields hold line ends: each task finds its first record from how quotes are placed
 * around it. If one guessed wrong, the job fails instead of returning a wrong result, and says so; then set `split: false`,
 * or `multiline: false` if no field holds a line end.
 *
 * Text of 13 characters and more shares memory with 48 KiB of the file: copy what is kept for a long time.
 *
 * As `output`, the value is the row, an object of exactly these columns or an array in their order; the key is not written, it
 * only sorts the rows. Each file has a header, also a file without rows, unless `header` is false. Text is quoted if it must be;
 * empty text is `""`, and null and undefined are empty. Lines end with '\n'; the extension is `csv`. A row with a column too
 * many or too few is an UnencodableValueError, as is a cell that CSV cannot hold.
 *
 * @throws JobDefinitionError for options that are not allowed
 *
 * @example
 * input: csv(['code', 'name']),                                  // { code: string, name: string }
 * input: csv({ columns: { ts: 'number', user: 'string?' } }),    // { ts: number, user: string | null }
 * input: csv({ header: false, delimiter: ' ', columns: ['ip', null, 'path'] }),
 * input: csv({ header: 'w3c', delimiter: '\t', quote: false, columns: ['date', 'cs-uri-stem'] }),   // logs of CloudFront
 * input: csv({ schema: z.object({ id: z.coerce.number() }) }),   // what the schema returns
 * input: csv({ header: false }),                                 // string[]
 * output: csv(['word', 'count']),   // emit(null, { word: 'be', count: 3 }) or emit(null, ['be', 3]) writes "be,3\n"
 */
export function csv<const C extends readonly string[]>(
  columns: C,
  options?: CsvOptions<undefined> & { readonly schema?: undefined },
): Source<CsvRecord<C>> & Sink<unknown, CsvRow<C>>;
export function csv<const H extends CsvHeader = true>(
  options?: CsvOptions<undefined, H> & { readonly schema?: undefined },
): Source<CsvRecord<undefined, H>>;
export function csv<T>(options: CsvOptions & { readonly schema: StandardSchema<T> }): Source<T>;
// The last one, because the compiler explains a mistake by it.
export function csv<const C extends CsvColumns>(
  options: CsvOptions<C> & { readonly columns: C; readonly schema?: undefined },
): Source<CsvRecord<C>> & Sink<unknown, CsvWrittenRow<C>>;
export function csv(
  columnsOrOptions: readonly string[] | AllOptions = {},
  others: CsvOptions<undefined> = {},
): Source<unknown> {
  const options = isList(columnsOrOptions) ? { ...others, columns: columnsOrOptions } : columnsOrOptions;
  const source = csvSource(options);
  const { columns, schema } = options;
  return columns === undefined || schema !== undefined ? source : { ...source, ...sinkOf(columns, options) };
}

type AllOptions = CsvOptions & { readonly schema?: StandardSchema | undefined };

// Array.isArray() does not recognise read-only arrays.
function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}

function sinkOf(
  columns: CsvColumns,
  { delimiter = ',', quote = '"', header = true }: CsvOptions,
): Sink<never, never> {
  const names: readonly (string | null)[] = isList(columns)
    ? columns
    : Object.entries(columns).map(([name, type]) => (type === null ? null : name));
  const written = names.filter((name) => name !== null);
  if (written.length === names.length && quote === '"' && header !== 'w3c' && isDelimiter(delimiter)) {
    return csvSink(written, { delimiter, header });
  }
  return recordWise({
    name: 'csv',
    extension: 'csv',
    write() {
      throw wrong(
        "csv() with these options can only be an input. Rows are written with quotes ('\"'), a delimiter of punctuation, a name for each column, and a plain header or none",
      );
    },
  });
}

function csvSource(options: AllOptions): Source<unknown> {
  checkOptions(options);
  const { header = true, split = true, encoding = 'utf8', nullText = '', extraColumns = 'refuse' } = options;
  const dialect = dialectOf(options);
  const declared = declaredColumns(options.columns, header !== false);
  const check = options.schema === undefined ? undefined : schemaCheck(options.schema, 'csv()');
  const read = {
    dialect,
    encoding,
    header,
    declared,
    moreAllowed: extraColumns === 'ignore',
    nullText,
    check,
  };
  return byteRanges({
    name: 'csv',
    splittable: split,
    isText: true,
    createParser: async (piece) => {
      const { openCsv } = await import('./open-csv.ts');
      return await openCsv(piece, read);
    },
  });
}
