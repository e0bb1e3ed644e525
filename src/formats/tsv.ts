import { bytesCodec } from '../codec/bytes-codec.ts';
import type { ByteSink, Codec } from '../codec/codec.ts';
import { jsonText } from '../codec/json-text.ts';
import { decodeNumberKey, numberKeyCodec } from '../codec/number-key.ts';
import { decodeNumberValue, numberValueCodec } from '../codec/number-value.ts';
import { stringCodec } from '../codec/string-codec.ts';
import { unencodable } from '../codec/unencodable.ts';
import { appendNumber } from './append-number.ts';
import { type EncodedRecordWriter, recordWise, type Sink } from './sink.ts';
import { appendEscapedBytes, appendEscapedText } from './tsv-escape.ts';

/** One column: null and undefined are empty, bytes are treated as UTF-8 text, objects are written as JSON. */
export type TsvCell = string | number | boolean | bigint | null | undefined | Uint8Array | object;

/** A key or value: one column, or several. An array inside an array is a cell of JSON. */
export type TsvColumns = TsvCell | readonly TsvCell[];

/**
 * The output format of tab-separated values: key, tab, value, newline; the extension is `tsv`. A tuple becomes several
 * columns. Inside text, tab, newline, carriage return and backslash are written as `\t`, `\n`, `\r` and `\\`, so that
 * each line is one record.
 *
 * Emitting a function, a symbol, or an object that JSON cannot hold is an UnencodableValueError.
 *
 * @example
 * output: tsv(),   // emit('be', 3) writes "be\t3\n"; emit(['be', 'Hamlet'], [3, 0.5]) writes "be\tHamlet\t3\t0.5\n"
 */
export function tsv(): Sink<TsvColumns, TsvColumns> {
  return recordWise({ name: NAME, extension: 'tsv', write, encodedWriter });
}

const NAME = 'tsv';
const TAB = 0x09;
const NEWLINE = 0x0a;

function write(key: TsvColumns, value: TsvColumns, sink: ByteSink): void {
  appendColumns(key, sink);
  appendByte(TAB, sink);
  appendColumns(value, sink);
  appendByte(NEWLINE, sink);
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

function encodedWriter(key: Codec<unknown>, value: Codec<unknown>): EncodedRecordWriter | undefined {
  const appendKey = encodedCell(key);
  const appendValue = encodedCell(value);
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
function encodedCell(codec: Codec<unknown>): EncodedCell | undefined {
  switch (codec) {
    case stringCodec:
    case bytesCodec:
      return appendEscapedBytes;
    case numberValueCodec:
      return (bytes, start, end, sink) => appendNumber(decodeNumberValue(bytes, start, end), sink);
    case numberKeyCodec:
      return (bytes, start, _end, sink) => appendNumber(decodeNumberKey(bytes, start), sink);
    default:
      return undefined;
  }
}
