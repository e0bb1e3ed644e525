import { isUtf8 } from 'node:buffer';
import { appendBytes } from './append-bytes.ts';
import { type BytesRange, isBytesRange, rangeIncludes } from './bytes-range.ts';
import type { ByteSink } from './codec.ts';
import {
  type DelimitedCodec,
  END_BYTES,
  endOfEscaped,
  escaped,
  type SelfDelimitingKeyCodec,
  unescaped,
  writeEnd,
} from './delimited.ts';
import { raw } from './raw-bytes.ts';
import { shortAscii } from './short-ascii.ts';
import { unencodable } from './unencodable.ts';

/** For text with U+0000 in it, which is rare. All other text needs no escaping. */
const withZeros = escaped<string>({ name: 'string', encode: encodeString, decode: decodeString });

export const delimitedString: DelimitedCodec<string> = {
  encode(value, sink) {
    if (typeof value === 'string' ? value.includes('\0') : isBytesRange(value) && rangeIncludes(value, 0)) {
      withZeros.encode(value, sink);
      return;
    }
    encodeString(value, sink);
    sink.reserve(END_BYTES);
    writeEnd(sink);
  },
  decode(bytes, cursor) {
    const start = cursor.at;
    const end = endOfEscaped(bytes, cursor);
    if (end >= 0) return decodeString(bytes, start, end);
    const plain = unescaped(bytes, start, cursor.at - END_BYTES);
    return decodeString(plain, 0, plain.length);
  },
};

/**
 * Text as plain UTF-8, for both keys and values. UTF-8 bytes sort as code points do, so it keeps order. A lone surrogate
 * has no UTF-8 form and is refused: otherwise texts that differ only in lone surrogates would become equal.
 */
export const stringCodec: SelfDelimitingKeyCodec<string> = {
  name: 'string',
  ordered: true,
  encode: encodeString,
  decode: decodeString,
  delimited: delimitedString,
};

export function isStringCodec(codec: object): boolean {
  return codec === stringCodec;
}

/**
 * Up to this many characters a loop in JavaScript is faster than the call into native code: 3 ns for 1, 16 for 8, 28 for
 * 12, while utf8Write takes 20 to 30 for each of these.
 */
const LOOP_CHARACTERS_MAX = 12;
/** Up to this many bytes are searched in a loop, at less than 1 ns each, while isWellFormed() takes 70 to 130 ns. */
const LOOP_BYTES_MAX = 96;
/** Above this, the exact size is computed first, instead of reserving three bytes per character. */
const EXACT_CHARACTERS_MIN = 64 * 1024;

/** Also encodes a range of bytes. Anything else is an UnencodableValueError. */
export function encodeString(value: string | BytesRange, sink: ByteSink): void {
  if (typeof value !== 'string') {
    encodeRange(value, sink);
    return;
  }
  const length = value.length;
  if (length > LOOP_CHARACTERS_MAX) {
    encodeLong(value, sink);
    return;
  }
  if (sink.bytes.length - sink.end < length) sink.reserve(length);
  const bytes = sink.bytes;
  const start = sink.end;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    if (code >= 0x80) {
      encodeLong(value, sink);
      return;
    }
    bytes[start + i] = code;
  }
  sink.end = start + length;
}

function encodeRange(range: unknown, sink: ByteSink): void {
  if (!isBytesRange(range)) throw notText(range);
  const { bytes, start, end } = range;
  if (isUtf8Range(bytes, start, end)) appendBytes(bytes, start, end, sink);
  else encodeString(bytes.toString('utf8', start, end), sink);
}

/** Whether bytes[start, end) is valid UTF-8. Short text is mostly ASCII, which a loop finds faster than a call. */
function isUtf8Range(bytes: Buffer, start: number, end: number): boolean {
  if (end - start <= LOOP_BYTES_MAX) {
    let all = 0;
    for (let at = start; at < end; at++) all |= bytes[at]!;
    if (all < 0x80) return true;
  }
  return isUtf8(bytes.subarray(start, end));
}

function encodeLong(value: string, sink: ByteSink): void {
  const sizeBytesMax = value.length < EXACT_CHARACTERS_MIN ? value.length * 3 : Buffer.byteLength(value);
  if (sink.bytes.length - sink.end < sizeBytesMax) sink.reserve(sizeBytesMax);
  const written = raw(sink.bytes).utf8Write(value, sink.end);
  // ASCII, which is nearly all text, has as many bytes as characters and needs no check.
  if (
    written !== value.length &&
    (written > LOOP_BYTES_MAX || holdsReplacement(sink.bytes, sink.end, sink.end + written)) &&
    !value.isWellFormed()
  ) {
    throw loneSurrogate(value);
  }
  sink.end += written;
}

/**
 * Whether the bytes hold U+FFFD (ef bf bd), which may have been written for a lone surrogate. Looking at every third byte
 * is enough to meet one of its three.
 */
function holdsReplacement(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 3) {
    const byte = bytes[at]!;
    if (byte < 0xbd) continue;
    if (
      byte === 0xef
        ? isReplacement(bytes, at)
        : byte === 0xbf
          ? isReplacement(bytes, at - 1)
          : byte === 0xbd && isReplacement(bytes, at - 2)
    ) {
      return true;
    }
  }
  return false;
}

function isReplacement(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd;
}

export function decodeString(bytes: Buffer, start: number, end: number): string {
  return shortAscii(bytes, start, end) ?? raw(bytes).utf8Slice(start, end);
}

function loneSurrogate(value: string): Error {
  const at = value
    .toWellFormed()
    .split('')
    .findIndex((unit, i) => unit !== value[i]);
  return unencodable({
    codec: 'string',
    value: value.slice(Math.max(0, at - 20), at + 20),
    allowed: 'text without lone surrogates, which have no UTF-8 form',
    remedy: `There is half of a character at index ${at}: cut text between characters ([...text][0] is a whole one, text[0] may be half), or emit text.toWellFormed().`,
  });
}

function notText(value: unknown): Error {
  return unencodable({
    codec: 'string',
    value,
    allowed: 'a string, or a range of bytes ({ bytes, start, end })',
    remedy: 'Emit String(value), or declare the type that is emitted.',
  });
}
