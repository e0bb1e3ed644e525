import { appendBytes } from '../../codec/append-bytes.ts';
import type { ByteSink, Codec } from '../../codec/codec.ts';
import { jsonText } from '../../codec/json-check.ts';
import { jsonValueCodec } from '../../codec/json-value.ts';
import { decodeNumberKey, numberKeyCodec } from '../../codec/number-key.ts';
import { decodeNumberValue, numberValueCodec } from '../../codec/number-value.ts';
import { decodeString, encodeString, stringCodec } from '../../codec/string-codec.ts';
import { appendNumber } from '../append-number.ts';
import { type EncodedRecordWriter, recordWise, type Sink } from '../sink.ts';

/** What JSON can hold, as far as a type can express it. Each value is checked in full when it is written. */
export type JsonLike = string | number | boolean | null | object;

/**
 * The output half of `jsonLines()`: each value is one line of JSON; the extension is `jsonl`. The key is not written; it only
 * sorts the rows. `T` is the type of the rows.
 *
 * Emitting what JSON would silently drop or change (undefined, NaN, Date, Map and so on) is an UnencodableValueError.
 *
 * @example
 * output: jsonLines<{ word: string; count: number }>(),   // emit(null, { word: 'be', count: 3 })
 *                                                         // writes {"word":"be","count":3} and a newline
 */
export function jsonLinesSink<T = JsonLike>(): Sink<unknown, T> {
  return recordWise({
    name: ROWS,
    extension: 'jsonl',
    write(_key: unknown, value: T, out: ByteSink) {
      appendJson(value, out, ROWS);
      appendByte(NEWLINE, out);
    },
    encodedWriter: (_key, value) => rowWriter(value),
  });
}

/**
 * JSON Lines of keys and values: one object per line, `{"key":...,"value":...}`; the extension is `jsonl`.
 *
 * @example
 * output: jsonPairs(),   // emit('be', { count: 3 }) writes {"key":"be","value":{"count":3}} and a newline
 */
export function jsonPairs(): Sink<JsonLike, JsonLike> {
  return recordWise({ name: PAIRS, extension: 'jsonl', write: writePair, encodedWriter: pairWriter });
}

const ROWS = 'jsonLines';
const PAIRS = 'jsonPairs';
const NEWLINE = 0x0a;
const KEY = Buffer.from('{"key":');
const VALUE = Buffer.from(',"value":');
const END = Buffer.from('}\n');

function writePair(key: JsonLike, value: JsonLike, out: ByteSink): void {
  appendBytes(KEY, 0, KEY.length, out);
  appendJson(key, out, PAIRS);
  appendBytes(VALUE, 0, VALUE.length, out);
  appendJson(value, out, PAIRS);
  appendBytes(END, 0, END.length, out);
}

function rowWriter(value: Codec<unknown>): EncodedRecordWriter | undefined {
  const append = encodedJson(value, ROWS);
  if (!append) return undefined;
  return ({ valueBytes, valueStart, valueEnd }, out) => {
    append(valueBytes, valueStart, valueEnd, out);
    appendByte(NEWLINE, out);
  };
}

function appendJson(value: unknown, sink: ByteSink, format: string): void {
  // jsonText() handles -0, and refuses what JSON cannot hold.
  if (typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0)) appendNumber(value, sink);
  else encodeString(jsonText(value, format), sink);
}

function pairWriter(key: Codec<unknown>, value: Codec<unknown>): EncodedRecordWriter | undefined {
  const appendKey = encodedJson(key, PAIRS);
  const appendValue = encodedJson(value, PAIRS);
  if (!appendKey || !appendValue) return undefined;
  return ({ keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd }, sink) => {
    appendBytes(KEY, 0, KEY.length, sink);
    appendKey(keyBytes, keyStart, keyEnd, sink);
    appendBytes(VALUE, 0, VALUE.length, sink);
    appendValue(valueBytes, valueStart, valueEnd, sink);
    appendBytes(END, 0, END.length, sink);
  };
}

function appendByte(byte: number, sink: ByteSink): void {
  if (sink.bytes.length === sink.end) sink.reserve(1);
  sink.bytes[sink.end++] = byte;
}

type EncodedJson = (bytes: Buffer, start: number, end: number, sink: ByteSink) => void;

/** Returns how a codec's bytes become JSON without being decoded; undefined if they must be decoded. */
function encodedJson(codec: Codec<unknown>, format: string): EncodedJson | undefined {
  switch (codec) {
    case jsonValueCodec:
      // Its bytes are JSON already.
      return appendBytes;
    case stringCodec:
      return appendQuoted;
    case numberValueCodec:
      return (bytes, start, end, sink) => appendJson(decodeNumberValue(bytes, start, end), sink, format);
    case numberKeyCodec:
      return (bytes, start, _end, sink) => appendJson(decodeNumberKey(bytes, start), sink, format);
    default:
      return undefined;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Appends UTF-8 text as a JSON string. It copies the bytes unless they need escaping, which they rarely do. */
function appendQuoted(bytes: Buffer, start: number, end: number, sink: ByteSink): void {
  const sizeBytesMax = end - start + 2;
  if (sink.bytes.length - sink.end < sizeBytesMax) sink.reserve(sizeBytesMax);
  const target = sink.bytes;
  let at = sink.end;
  target[at++] = QUOTE;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) {
      encodeString(JSON.stringify(decodeString(bytes, start, end)), sink);
      return;
    }
    target[at++] = byte;
  }
  target[at++] = QUOTE;
  sink.end = at;
}
