/**
 * How text is escaped in a TSV cell, as in PostgreSQL's COPY; IANA's text/tab-separated-values made lossless:
 *
 *     tab \t    newline \n    carriage return \r    backslash \\    everything else unchanged
 *
 * The escaped characters are ASCII, and no byte of a longer UTF-8 sequence is ASCII, so bytes can be escaped without being
 * decoded.
 */
import { appendBytes } from '../../codec/append-bytes.ts';
import { bytesCodec } from '../../codec/bytes-codec.ts';
import type { ByteSink, Codec } from '../../codec/codec.ts';
import { jsonText } from '../../codec/json-check.ts';
import { decodeNumberKey, numberKeyCodec } from '../../codec/number-key.ts';
import { decodeNumberValue, numberValueCodec } from '../../codec/number-value.ts';
import { raw } from '../../codec/raw-bytes.ts';
import { encodeString, stringCodec } from '../../codec/string-codec.ts';
import { unencodable } from '../../codec/unencodable.ts';
import { appendNumber } from '../append-number.ts';
import { type EncodedRecordWriter, recordWise, type Sink } from '../sink.ts';

/** One column: null and undefined are empty, bytes are treated as UTF-8 text, objects are written as JSON. */
export type TsvCell = string | number | boolean | bigint | null | undefined | Uint8Array | object;

/** A key or value: one column, or several. An array inside an array is a cell of JSON. */
export type TsvColumns = TsvCell | readonly TsvCell[];

/** What each column of a key or value holds, if the job declares it. */
export type TsvPart =
  | undefined
  /** The only column. */
  | TsvCellType
  | readonly TsvCellType[];

/** A cell of JSON is written as JSON whatever it holds, so that "3" and 3 differ. */
export type TsvCellType = 'json' | 'plain';

/**
 * The output half of `tsv()`.
 *
 * @param key, value  undefined: each cell is written as its value requires
 */
export function tsvSink(key?: TsvPart, value?: TsvPart): Sink<TsvColumns, TsvColumns> {
  const appendKey = partWriter(key);
  const appendValue = partWriter(value);
  // The encoded bytes of another type would not become JSON.
  const isPlain = (part: TsvPart) => part === undefined || part === 'plain';
  return recordWise<TsvColumns, TsvColumns>({
    name: NAME,
    extension: 'tsv',
    write(keyColumns, valueColumns, sink) {
      appendKey(keyColumns, sink);
      appendByte(TAB, sink);
      appendValue(valueColumns, sink);
      appendByte(NEWLINE, sink);
    },
    encodedWriter: (keyCodec, valueCodec) =>
      isPlain(key) && isPlain(value) ? encodedWriter(keyCodec, valueCodec, key !== undefined) : undefined,
  });
}

const NAME = 'tsv';
const TAB = 0x09;
const NEWLINE = 0x0a;
const MINUS = 0x2d;

type PartWriter = (columns: TsvColumns, sink: ByteSink) => void;

function partWriter(part: TsvPart): PartWriter {
  if (part === undefined) return appendColumns;
  if (typeof part === 'string') return declaredWriter(part);
  const writers = part.map(declaredWriter);
  return (columns, sink) => {
    if (!Array.isArray(columns) || columns.length !== writers.length) {
      throw unencodable({
        codec: NAME,
        value: columns,
        allowed: `an array of ${writers.length} columns here, as tsv() declares`,
        remedy: 'Emit such an array, or change the types of tsv().',
      });
    }
    for (let i = 0; i < writers.length; i++) {
      if (i > 0) appendByte(TAB, sink);
      writers[i]!(columns[i], sink);
    }
  };
}

function declaredWriter(type: TsvCellType): (cell: TsvCell, sink: ByteSink) => void {
  if (type === 'json') return (cell, sink) => appendEscapedText(jsonText(cell, NAME), sink);
  return (cell, sink) => (typeof cell === 'number' ? appendExactNumber(cell, sink) : appendCell(cell, sink));
}

/** Keeps the sign of -0, which String() drops. */
function appendExactNumber(value: number, sink: ByteSink): void {
  if (Object.is(value, -0)) appendByte(MINUS, sink);
  appendNumber(value, sink);
}

function appendColumns(columns: TsvColumns, sink: ByteSink): void {
  if (!Array.isArray(columns)) {
    appendCell(columns, sink);
    return;
  }
  for (let i = 0; i < columns.length; i++) {
    if (i > 0) appendByte(TAB, sink);
    appendCell(columns[i], sink);
  }
}

function appendCell(cell: unknown, sink: ByteSink): void {
  switch (typeof cell) {
    case 'string':
      appendEscapedText(cell, sink);
      return;
    case 'number':
      appendNumber(cell, sink);
      return;
    case 'boolean':
    case 'bigint':
      appendEscapedText(String(cell), sink);
      return;
    case 'undefined':
      return;
    case 'object':
      if (cell === null) return;
      if (cell instanceof Uint8Array) {
        appendEscapedBytes(Buffer.from(cell.buffer, cell.byteOffset, cell.length), 0, cell.length, sink);
        return;
      }
      appendEscapedText(jsonText(cell, NAME), sink);
      return;
    default:
      throw unencodable({
        codec: NAME,
        value: cell,
        allowed:
          'text, numbers, booleans, bytes, null, undefined, objects of these, and arrays as several columns',
        remedy: 'Emit String(value), or the data behind it.',
      });
  }
}

function appendByte(byte: number, sink: ByteSink): void {
  if (sink.bytes.length === sink.end) sink.reserve(1);
  sink.bytes[sink.end++] = byte;
}

function encodedWriter(
  key: Codec<unknown>,
  value: Codec<unknown>,
  isExact: boolean,
): EncodedRecordWriter | undefined {
  const appendKey = encodedCell(key, isExact);
  const appendValue = encodedCell(value, isExact);
  if (!appendKey || !appendValue) return undefined;
  return ({ keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd }, sink) => {
    appendKey(keyBytes, keyStart, keyEnd, sink);
    appendByte(TAB, sink);
    appendValue(valueBytes, valueStart, valueEnd, sink);
    appendByte(NEWLINE, sink);
  };
}

type EncodedCell = (bytes: Buffer, start: number, end: number, sink: ByteSink) => void;

/** Returns how a codec's bytes become a cell without being decoded; undefined if they must be decoded. */
function encodedCell(codec: Codec<unknown>, isExact: boolean): EncodedCell | undefined {
  const append = isExact ? appendExactNumber : appendNumber;
  switch (codec) {
    case stringCodec:
    case bytesCodec:
      return appendEscapedBytes;
    case numberValueCodec:
      return (bytes, start, end, sink) => append(decodeNumberValue(bytes, start, end), sink);
    case numberKeyCodec:
      return (bytes, start, _end, sink) => append(decodeNumberKey(bytes, start), sink);
    default:
      return undefined;
  }
}

const BACKSLASH = 0x5c;
const RETURN = 0x0d;

/**
 * Longer cells are searched with a regular expression and then copied at once: 90 ns for 100 bytes, against 220 ns byte by
 * byte. In latin1 each byte is the character of the same number, so the search finds the same bytes.
 */
const LOOP_BYTES_MAX = 32;

const ESCAPED = /[\t\n\r\\]/;
const EVERY_ESCAPED = /[\t\n\r\\]/g;

/** Appends text as UTF-8, escaped. */
function appendEscapedText(text: string, sink: ByteSink): void {
  encodeString(ESCAPED.test(text) ? text.replace(EVERY_ESCAPED, escapeCharacter) : text, sink);
}

/** Appends bytes[start, end), escaped. */
function appendEscapedBytes(bytes: Buffer, start: number, end: number, sink: ByteSink): void {
  if (end - start > LOOP_BYTES_MAX && !ESCAPED.test(raw(bytes).latin1Slice(start, end))) {
    appendBytes(bytes, start, end, sink);
    return;
  }
  const sizeBytesMax = (end - start) * 2;
  if (sink.bytes.length - sink.end < sizeBytesMax) sink.reserve(sizeBytesMax);
  const target = sink.bytes;
  let at = sink.end;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if ((byte > RETURN && byte !== BACKSLASH) || !isEscaped(byte)) {
      target[at++] = byte;
    } else {
      target[at++] = BACKSLASH;
      target[at++] = escapeLetter(byte);
    }
  }
  sink.end = at;
}

function isEscaped(byte: number): boolean {
  return byte === TAB || byte === NEWLINE || byte === RETURN || byte === BACKSLASH;
}

function escapeLetter(byte: number): number {
  if (byte === TAB) return 0x74;
  if (byte === NEWLINE) return 0x6e;
  return byte === RETURN ? 0x72 : BACKSLASH;
}

function escapeCharacter(character: string): string {
  return `\\${String.fromCharCode(escapeLetter(character.charCodeAt(0)))}`;
}
