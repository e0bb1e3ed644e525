import { MapReduceError } from '../../base/errors.ts';
import { appendBytes } from '../../codec/append-bytes.ts';
import type { ByteSink } from '../../codec/codec.ts';
import { jsonText } from '../../codec/json-check.ts';
import { encodeString } from '../../codec/string-codec.ts';
import { unencodable } from '../../codec/unencodable.ts';
import { appendNumber } from '../append-number.ts';
import { recordWise, type Sink } from '../sink.ts';

/** One cell: null and undefined are empty, bytes are treated as UTF-8 text, arrays and plain objects are written as JSON. */
export type CsvCell = string | number | boolean | bigint | null | undefined | Uint8Array | object;

/** A row: an object with exactly these columns, or their cells in order. */
export type CsvRow<C extends readonly string[]> =
  | { readonly [N in C[number]]: CsvCell }
  | { readonly [I in keyof C]: CsvCell };

export interface CsvSinkOptions {
  /** A tab, a space, or one ASCII punctuation mark except `"`, `+`, `-` and `.`. Default: a comma. */
  readonly delimiter?: string;
  /** Whether each file starts with a row of the columns' names. Default: true. */
  readonly header?: boolean;
}

/**
 * The output half of `csv(columns)`: RFC 4180, with a header in each file, also in a file without rows. Lines end with a
 * newline alone; the extension is `csv`. The value is the row; the key is not written, it only sorts the rows.
 *
 * Text is quoted if it holds the delimiter, a quote or the end of a line, and quotes in it are doubled. Empty text is written
 * as `""`, so that it differs from null and undefined, which are empty. Nothing else is changed or added.
 *
 * A row with a column too many or too few is an UnencodableValueError, as is a cell that CSV cannot hold.
 *
 * @throws JobDefinitionError for no columns, two of the same name, or a delimiter that is not allowed
 *
 * @example
 * output: csv(['word', 'count']),   // emit(null, { word: 'be', count: 3 }) or emit(null, ['be', 3]) writes "be,3\n"
 */
export function csvSink<const C extends readonly string[]>(
  columns: C,
  { delimiter = ',', header = true }: CsvSinkOptions = {},
): Sink<unknown, CsvRow<C>> {
  checkColumns(columns);
  checkDelimiter(delimiter);
  const writer = new CsvRows([...columns], delimiter);
  return recordWise({
    name: NAME,
    extension: 'csv',
    ...(header ? { begin: (out: ByteSink) => writer.write(columns, out) } : {}),
    write: (_key: unknown, row: CsvRow<C>, out: ByteSink) => writer.write(row, out),
  });
}

const NAME = 'csv';
const NEWLINE = 0x0a;
const QUOTE = 0x22;
const EMPTY_TEXT = Buffer.from('""');

class CsvRows {
  readonly #columns: readonly string[];
  readonly #delimiter: number;
  /** What a cell may hold only between quotes. */
  readonly #quoted: RegExp;

  constructor(columns: readonly string[], delimiter: string) {
    this.#columns = columns;
    this.#delimiter = delimiter.charCodeAt(0);
    // A reader would take U+FEFF at the start of a file for a byte order mark.
    this.#quoted = new RegExp(`[\\x${this.#delimiter.toString(16).padStart(2, '0')}"\\r\\n]|^\\ufeff`);
  }

  write(row: object, out: ByteSink): void {
    if (Array.isArray(row)) this.#writeTuple(row, out);
    else this.#writeObject(row as Readonly<Record<string, unknown>>, out);
  }

  #writeTuple(row: readonly unknown[], out: ByteSink): void {
    const columns = this.#columns;
    if (row.length !== columns.length) throw this.#unfit(row, `an array of ${row.length} cells`);
    for (let i = 0; i < columns.length; i++) {
      if (i > 0) appendByte(this.#delimiter, out);
      this.#append(row[i], out);
    }
    appendByte(NEWLINE, out);
  }

  #writeObject(row: Readonly<Record<string, unknown>>, out: ByteSink): void {
    const columns = this.#columns;
    if (typeof row !== 'object' || row === null) throw this.#unfit(row);
    for (let i = 0; i < columns.length; i++) {
      if (i > 0) appendByte(this.#delimiter, out);
      const name = columns[i]!;
      const cell = row[name];
      if (cell === undefined && !(name in row)) {
        throw this.#unfit(row, `a row without the column ${JSON.stringify(name)}`);
      }
      this.#append(cell, out);
    }
    appendByte(NEWLINE, out);
    // A mistyped column would be lost.
    let given = 0;
    for (const _name in row) given++;
    if (given !== columns.length) {
      const unknown = Object.keys(row).find((name) => !columns.includes(name));
      if (unknown !== undefined) throw this.#unfit(row, `a row with the column ${JSON.stringify(unknown)}`);
    }
  }

  #append(cell: unknown, out: ByteSink): void {
    switch (typeof cell) {
      case 'string':
        this.#appendText(cell, out);
        return;
      case 'number':
        appendNumber(cell, out);
        return;
      case 'boolean':
      case 'bigint':
        this.#appendText(String(cell), out);
        return;
      case 'undefined':
        this.#appendNull(out);
        return;
      case 'object':
        if (cell === null) this.#appendNull(out);
        else if (cell instanceof Uint8Array) this.#appendText(Buffer.from(cell).toString('utf8'), out);
        else this.#appendText(jsonText(cell, NAME), out);
        return;
      default:
        throw unencodable({
          codec: NAME,
          value: cell,
          allowed: 'text, numbers, booleans, bytes, null, undefined, arrays and plain objects',
          remedy: 'Emit String(value), or the data behind it.',
        });
    }
  }

  /** Readers skip a line that is empty, so the only cell of a row is never written as nothing. */
  #appendNull(out: ByteSink): void {
    if (this.#columns.length === 1) appendBytes(EMPTY_TEXT, 0, EMPTY_TEXT.length, out);
  }

  #appendText(text: string, out: ByteSink): void {
    if (text === '') {
      appendBytes(EMPTY_TEXT, 0, EMPTY_TEXT.length, out);
    } else if (this.#quoted.test(text)) {
      appendByte(QUOTE, out);
      encodeString(text.replaceAll('"', '""'), out);
      appendByte(QUOTE, out);
    } else encodeString(text, out);
  }

  #unfit(row: unknown, shown?: string): Error {
    return unencodable({
      codec: NAME,
      value: row,
      ...(shown === undefined ? {} : { shown }),
      allowed: `an object with the columns ${this.#columns.join(', ')}, or an array of ${this.#columns.length} cells in this order`,
      remedy: 'Emit such a row as the value, or change the columns of csv().',
    });
  }
}

function appendByte(byte: number, out: ByteSink): void {
  if (out.bytes.length === out.end) out.reserve(1);
  out.bytes[out.end++] = byte;
}

function checkColumns(columns: readonly string[]): void {
  const isList =
    Array.isArray(columns) && columns.length > 0 && columns.every((name) => typeof name === 'string');
  const twice = isList ? columns.find((name, index) => columns.indexOf(name) !== index) : undefined;
  if (isList && twice === undefined) return;
  throw new MapReduceError(
    'JobDefinitionError',
    twice === undefined
      ? "csv() needs the names of its columns to write, for example csv(['word', 'count'])"
      : `csv() has two columns ${JSON.stringify(twice)}. Give each column a name of its own`,
  );
}

/** Whether files can be written with it. */
export function isDelimiter(delimiter: unknown): boolean {
  return typeof delimiter === 'string' && /^[\t !#$%&'()*,/:;<=>?@[\\\]^_`{|}~]$/.test(delimiter);
}

function checkDelimiter(delimiter: string): void {
  if (isDelimiter(delimiter)) return;
  throw new MapReduceError(
    'JobDefinitionError',
    `csv(): the delimiter must be a tab, a space or one ASCII character that no number holds, and not a quote; received ${JSON.stringify(delimiter)}`,
  );
}
