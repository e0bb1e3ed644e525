import { appendBytes } from '../codec/append-bytes.ts';
import type { ByteSink, Codec } from '../codec/codec.ts';
import { jsonText } from '../codec/json-text.ts';
import { jsonValueCodec } from '../codec/json-value.ts';
import { decodeNumberKey, numberKeyCodec } from '../codec/number-key.ts';
import { decodeNumberValue, numberValueCodec } from '../codec/number-value.ts';
import { decodeString, encodeString, stringCodec } from '../codec/string-codec.ts';
import { appendNumber } from './append-number.ts';
import type { EncodedRecordWriter, OutputFormat } from './output-format.ts';

/** What JSON can hold, as far as a type can express it. Each value is checked in full when it is written. */
export type JsonLike = string | number | boolean | null | object;

/**
 * The output format JSON Lines: one object per line, `{"key":...,"value":...}`; the extension is `jsonl`.
 *
 * Emitting what JSON would silently drop or change (undefined, NaN, Date, Map and so on) is an UnencodableValueError.
 *
 * @example
 * output: jsonLines(),   // emit('be', { count: 3 }) writes {"key":"be","value":{"count":3}} and a newline
 */
export function jsonLines(): OutputFormat<JsonLike, JsonLike> {
  return { name: NAME, extension: 'jsonl', write, encodedWriter };
}

const NAME = 'jsonLines';
const KEY = Buffer.from('{"key":');
const VALUE = Buffer.from(',"value":');
const END = Buffer.from('}\n');

function write(key: JsonLike, value: JsonLike, sink: ByteSink): void {
  appendBytes(KEY, 0, KEY.length, sink);
  appendJson(key, sink);
  appendBytes(VALUE, 0, VALUE.length, sink);
  appendJson(value, sink);
  appendBytes(END, 0, END.length, sink);
}

function appendJson(value: JsonLike, sink: ByteSink): void {
  // jsonText() handles -0, and refuses what JSON cannot hold.
  if (typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0)) appendNumber(value, sink);
  else encodeString(jsonText(value, NAME), sink);
}

function encodedWriter(key: Codec<unknown>, value: Codec<unknown>): EncodedRecordWriter | undefined {
  const appendKey = encodedJson(key);
  const appendValue = encodedJson(value);
  if (!appendKey || !appendValue) return undefined;
  return ({ keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd }, sink) => {
    appendBytes(KEY, 0, KEY.length, sink);
    appendKey(keyBytes, keyStart, keyEnd, sink);
    appendBytes(VALUE, 0, VALUE.length, sink);
    appendValue(valueBytes, valueStart, valueEnd, sink);
    appendBytes(END, 0, END.length, sink);
  };
}

type EncodedJson = (bytes: Buffer, start: number, end: number, sink: ByteSink) => void;

/** Returns how a codec's bytes become JSON without being decoded; undefined if they must be decoded. */
function encodedJson(codec: Codec<unknown>): EncodedJson | undefined {
  switch (codec) {
    case jsonValueCodec:
      // Its bytes are JSON already.
      return appendBytes;
    case stringCodec:
      return appendQuoted;
    case numberValueCodec:
      return (bytes, start, end, sink) => appendJson(decodeNumberValue(bytes, start, end), sink);
    case numberKeyCodec:
      return (bytes, start, _end, sink) => appendJson(decodeNumberKey(bytes, start), sink);
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
