import { MapReduceError } from '../../base/errors.ts';
import { preview } from '../../base/show-value.ts';
import { byteRanges } from '../byte-ranges.ts';
import { recordWise, type Sink } from '../sink.ts';
import type { Source } from '../source.ts';
import { SchemaRefusal, type StandardSchema, schemaCheck } from '../standard-schema.ts';
import type { CsvEncoding } from './cells.ts';
import { type Declared, declaredColumns, wantedColumns } from './columns.ts';
import { type CsvHeader, readHeader } from './csv-header.ts';
import { type CsvFormat, CsvParser } from './csv-parser.ts';
import { type CsvDialect, NEWLINE, NONE, RETURN } from './csv-scanner.ts';
import { type CsvCell, type CsvRow, csvSink, isDelimiter } from './csv-sink.ts';
import { CheckedRows, type CsvType, ObjectRows, type RowMaker, textRows } from './rows.ts';

/**
 * The columns that a job wants: their names, or their names and types. In a file without a header these are all its columns
 * in order, and null stands for one that the job does not want: `['ip', null, 'path']`, or `{ ip: 'string', user: null }`.
 */
export type CsvColumns = readonly (string | null)[] | { readonly [name: string]: CsvType | null };

/** Options of `csv()`. */
export interface CsvOptions<
  C extends CsvColumns | undefined = CsvColumns | undefined,
  H extends CsvHeader = CsvHeader,
> {
  /** Default: all columns of the header, as text. */
  readonly columns?: C;
  /** What names the columns of each file. Default: true, the first record. */
  readonly header?: H;
  /** One ASCII character. Default: a comma. */
  readonly delimiter?: string;
  /** One ASCII character, or false if quotes mean nothing. Default: '"'. */
  readonly quote?: string | false;
  /** Lines that start with this ASCII character are skipped. Default: none, or '#' with `header: 'w3c'`. */
  readonly comment?: string;
  /** Text that means null, unquoted, in a column whose type ends in `?`, beside empty cells. Default: none. */
  readonly nullText?: string;
  /** Whether records may have more columns than the header, or than `columns` if there is no header. Default: 'refuse'. */
  readonly extraColumns?: 'refuse' | 'ignore';
  /** Default: 'utf8', in which bytes that are not UTF-8 become U+FFFD. */
  readonly encoding?: CsvEncoding;
  /**
   * Whether quoted fields may hold line ends. Default: true. With false, a file is cut at any line end, and a quote that
   * is not closed in its line is malformed.
   */
  readonly multiline?: boolean;
  /** False: each file is read by one task. Default: true. */
  readonly split?: boolean;
}

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
  const { header = true, split = true, encoding = 'utf8', schema } = options;
  checkOptions(options);
  const dialect = dialectOf(options);
  const declared = declaredColumns(options.columns, header !== false);
  const check = schema === undefined ? undefined : schemaCheck(schema, 'csv()');
  const format: CsvFormat<unknown> = {
    dialect,
    encoding,
    header,
    skipsMark: true,
    rows(names) {
      const rows = rowsOf(declared, names, options);
      if (check === undefined) return rows;
      return new CheckedRows<unknown, unknown>(rows, (record, refuse) => {
        const checked = check(record);
        if (!(checked instanceof SchemaRefusal)) return checked;
        refuse(checked.message);
        return undefined;
      });
    },
  };
  return byteRanges({
    name: 'csv',
    splittable: split,
    isText: true,
    createParser: (piece) =>
      header && piece.startBytes > 0
        ? readHeader(piece, format).then((found) => new CsvParser(piece, format, found))
        : new CsvParser(piece, format),
  });
}

function rowsOf(
  declared: readonly Declared[] | undefined,
  header: readonly string[] | undefined,
  { nullText = '', extraColumns = 'refuse' }: CsvOptions,
): RowMaker<unknown> {
  if (declared === undefined && header === undefined) return textRows;
  return new ObjectRows(wantedColumns(declared, header), {
    columnCount: header?.length ?? declared!.length,
    moreAllowed: extraColumns === 'ignore',
    nullText,
  });
}

const OPTIONS = new Set([
  'columns',
  'header',
  'delimiter',
  'quote',
  'comment',
  'nullText',
  'extraColumns',
  'encoding',
  'multiline',
  'split',
  'schema',
]);

const CHOICES: readonly (readonly [keyof CsvOptions, readonly unknown[]])[] = [
  ['header', [true, false, 'w3c']],
  ['multiline', [true, false]],
  ['split', [true, false]],
  ['encoding', ['utf8', 'latin1']],
  ['extraColumns', ['refuse', 'ignore']],
];

function checkOptions(options: CsvOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw wrong(`csv() received ${preview(options)}; it takes a list of columns, or options`);
  }
  for (const name of Object.keys(options)) {
    if (!OPTIONS.has(name))
      throw wrong(`csv() has no option ${preview(name)}; it has ${[...OPTIONS].join(', ')}`);
  }
  for (const [name, choices] of CHOICES) {
    const value = options[name];
    if (value !== undefined && !choices.includes(value)) {
      throw wrong(
        `csv() received ${name} ${preview(value)}; it must be ${choices.map(preview).join(' or ')}`,
      );
    }
  }
  const { nullText } = options;
  if (nullText !== undefined && typeof nullText !== 'string') {
    throw wrong(`csv() received nullText ${preview(nullText)}; it must be text`);
  }
}

function dialectOf(options: CsvOptions): CsvDialect {
  const { delimiter = ',', quote = '"', multiline = true } = options;
  const comment = options.comment ?? (options.header === 'w3c' ? '#' : undefined);
  if (options.header === 'w3c' && comment !== '#') {
    throw wrong(`csv() received comment ${preview(comment)}; with header: 'w3c' it is '#'`);
  }
  const dialect = {
    delimiter: special('delimiter', delimiter),
    quote: quote === false ? NONE : special('quote', quote),
    comment: comment === undefined ? NONE : special('comment', comment),
    multiline: multiline && quote !== false,
  };
  const used = [dialect.delimiter, dialect.quote, dialect.comment].filter((byte) => byte !== NONE);
  if (new Set(used).size < used.length) {
    throw wrong('csv() received one character twice; delimiter, quote and comment must differ');
  }
  return dialect;
}

/** One ASCII character that is no line end. */
function special(name: string, text: unknown): number {
  const code = typeof text === 'string' && text.length === 1 ? text.charCodeAt(0) : 0x80;
  if (code < 0x80 && code !== NEWLINE && code !== RETURN) return code;
  const hint = name === 'quote' ? ', or false' : '';
  throw wrong(
    `csv() received ${name} ${preview(text)}; it must be one ASCII character that is not a line end${hint}`,
  );
}

function wrong(message: string): MapReduceError {
  return new MapReduceError('JobDefinitionError', `${message}.`);
}
