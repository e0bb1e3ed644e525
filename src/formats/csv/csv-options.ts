/** The options of `csv()`, which are checked when a job is defined. The modules that read files are loaded later. */
import { MapReduceError } from '../../base/errors.ts';
import { preview } from '../../base/show-value.ts';

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
  /** Default: 'utf8', in which bytes that are not UTF-8 become U+FFFD; the counter 'records not valid UTF-8' says in how many records. */
  readonly encoding?: CsvEncoding;
  /**
   * Whether quoted fields may hold line ends. Default: true. With false, a file is cut at any line end, and a quote that
   * is not closed in its line is malformed.
   */
  readonly multiline?: boolean;
  /** False: each file is read by one task. Default: true. */
  readonly split?: boolean;
}

/** The type of a column. With `?`, an empty cell is null. */
export type CsvType = 'string' | 'number' | 'boolean' | 'string?' | 'number?' | 'boolean?';

/**
 * Whether the first record of each file names its columns. 'w3c': a line `#Fields: date time c-ip ...` names them, as in the
 * W3C extended log format of CloudFront and IIS, and the other lines that start with '#' are skipped.
 */
export type CsvHeader = boolean | 'w3c';

/** How bytes become text. */
export type CsvEncoding = 'utf8' | 'latin1';

/** The special bytes. `NONE` for one that the text does not have. */
export interface CsvDialect {
  readonly delimiter: number;
  readonly quote: number;
  /** A line that starts with this byte is a comment. */
  readonly comment: number;
  /** Whether a quoted field may hold '\n'. */
  readonly multiline: boolean;
}

/** No byte has this value. */
export const NONE = 256;

/** A column that the job declares. In a file without a header, null for one that it does not want. */
export type Declared = { readonly name: string; readonly type: CsvType } | null;

const NEWLINE = 0x0a;
const RETURN = 0x0d;

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

/** @throws JobDefinitionError for options that csv() does not have, and for values that they cannot have */
export function checkOptions(options: CsvOptions): void {
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

/** @throws JobDefinitionError for characters that are not allowed */
export function dialectOf(options: CsvOptions): CsvDialect {
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

export function wrong(message: string): MapReduceError {
  return new MapReduceError('JobDefinitionError', `${message}.`);
}

const TYPES: readonly unknown[] = ['string', 'number', 'boolean', 'string?', 'number?', 'boolean?'];

/**
 * @returns undefined if the job declares no columns
 * @throws JobDefinitionError for columns that cannot be
 */
export function declaredColumns(columns: unknown, header: boolean): readonly Declared[] | undefined {
  if (columns === undefined) return undefined;
  if (typeof columns !== 'object' || columns === null)
    throw wrongColumns(`received columns ${preview(columns)}`);
  const declared: readonly Declared[] = Array.isArray(columns)
    ? columns.map((name) => (name === null ? null : { name: nameOf(name), type: 'string' }))
    : Object.entries(columns).map(([name, type]) =>
        type === null ? null : { name, type: typeOf(name, type) },
      );
  const names = declared.flatMap((column) => (column === null ? [] : [column.name]));
  if (names.length === 0) throw wrongColumns('received no columns');
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw wrongColumns(`received the column ${preview(twice)} twice`);
  if (header && names.length < declared.length) {
    throw wrongColumns('received null as a column, which has a meaning only with header: false');
  }
  if (!header && !Array.isArray(columns) && Object.keys(columns).some((name) => /^\d+$/.test(name))) {
    throw wrongColumns('received a column whose name is a number, so that the order of the columns is lost');
  }
  return declared;
}

function nameOf(name: unknown): string {
  if (typeof name !== 'string') throw wrongColumns(`received ${preview(name)} as the name of a column`);
  return name;
}

function typeOf(name: string, type: unknown): CsvType {
  if (!TYPES.includes(type)) {
    throw wrongColumns(
      `received ${preview(type)} as the type of the column ${preview(name)}. The types are ${TYPES.map(preview).join(', ')}`,
    );
  }
  return type as CsvType;
}

function wrongColumns(what: string): MapReduceError {
  return new MapReduceError(
    'JobDefinitionError',
    `csv() ${what}. Pass a list of names, such as ['code', 'name'], or their types, such as { ts: 'number', user: 'string' }.`,
  );
}
