import { appendBytes } from '../codec/append-bytes.ts';
import { bytesCodec } from '../codec/bytes-codec.ts';
import { type BytesRange, isBytesRange } from '../codec/bytes-range.ts';
import type { ByteSink, Codec } from '../codec/codec.ts';
import { decodeNumberValue, numberValueCodec } from '../codec/number-value.ts';
import { encodeString, stringCodec } from '../codec/string-codec.ts';
import { unencodable } from '../codec/unencodable.ts';
import { appendNumber } from './append-number.ts';
import { type EncodedRecordWriter, recordWise, type Sink } from './sink.ts';

/** A value that lines() can write. Bytes, and ranges of bytes, are written unchanged; null and undefined give an empty line. */
export type LineText = string | number | boolean | bigint | null | undefined | Uint8Array | BytesRange;

/**
 * The output format of plain text: the value and a newline; the extension is `txt`. The key is not written; it only sorts
 * the lines. Nothing is escaped, so lines read by textLines() are written unchanged, and a value that holds a newline
 * becomes two lines.
 *
 * Emitting an object or an array is an UnencodableValueError.
 *
 * @example
 * output: lines(),   // emit(anything, 'to be') writes "to be\n"
 */
export function lines(): Sink<unknown, LineText> {
  return recordWise({
    name: NAME,
    extension: 'txt',
    write: (_key: unknown, value: LineText, sink: ByteSink) => write(value, sink),
    encodedWriter,
    endOfValue: (_key, value) => (isText(value) ? NEWLINE : undefined),
  });
}

const NAME = 'lines';
const NEWLINE = 0x0a;

function write(value: LineText, sink: ByteSink): void {
  if (typeof value === 'string') encodeString(value, sink);
  else if (typeof value === 'number') appendNumber(value, sink);
  else if (value instanceof Uint8Array) appendBytes(value, 0, value.length, sink);
  else if (typeof value === 'boolean' || typeof value === 'bigint') encodeString(String(value), sink);
  else if (isBytesRange(value)) appendBytes(value.bytes, value.start, value.end, sink);
  else if (value !== null && value !== undefined) throw notText(value);
  appendNewline(sink);
}

function appendNewline(sink: ByteSink): void {
  if (sink.bytes.length === sink.end) sink.reserve(1);
  sink.bytes[sink.end++] = NEWLINE;
}

function encodedWriter(_key: Codec<unknown>, value: Codec<unknown>): EncodedRecordWriter | undefined {
  if (isText(value)) {
    return ({ valueBytes, valueStart, valueEnd }, sink) => {
      appendBytes(valueBytes, valueStart, valueEnd, sink);
      appendNewline(sink);
    };
  }
  if (value === numberValueCodec) {
    return ({ valueBytes, valueStart, valueEnd }, sink) => {
      appendNumber(decodeNumberValue(valueBytes, valueStart, valueEnd), sink);
      appendNewline(sink);
    };
  }
  return undefined;
}

/** Whether the codec's bytes are written unchanged. */
function isText(value: Codec<unknown>): boolean {
  return value === stringCodec || value === bytesCodec;
}

function notText(value: unknown): Error {
  return unencodable({
    codec: NAME,
    value,
    allowed: 'strings, numbers, booleans, bytes, null and undefined',
    remedy: 'Use output: jsonLines() for objects and tuples, tsv() for columns, or emit the text itself.',
  });
}
