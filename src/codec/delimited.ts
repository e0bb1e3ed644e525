/**
 * Encodings that say themselves where they end, so that others can follow: what the parts of a tuple need.
 *
 *     fixed size                 as it is: a number's 8 bytes
 *     tuples, json               as they are: they end by their structure
 *     text, bytes, own codecs    0x00 becomes 0x00 0xff, and 0x00 0x00 ends it
 *
 * The end mark sorts below every byte that may stand in its place (0x00 0x00 < 0x00 0xff < 0x01), so a shorter text
 * sorts before the longer one it begins, whatever follows in the tuple.
 */
import { MapReduceError } from '../base/errors.ts';
import type { ByteSink, Codec, KeyCodec } from './codec.ts';
import { GrowableSink } from './growable-sink.ts';

/** Where a reader stands. */
export interface Cursor {
  at: number;
}

export interface DelimitedCodec<T> {
  encode(value: T, sink: ByteSink): void;
  /** Reads at the cursor and moves it to the encoding's end. */
  decode(bytes: Buffer, cursor: Cursor): T;
}

/** A key codec that knows a better delimited form than escaping. */
export interface SelfDelimitingKeyCodec<T> extends KeyCodec<T> {
  readonly delimited: DelimitedCodec<T>;
}

export function delimited(codec: KeyCodec<unknown>): DelimitedCodec<unknown> {
  return 'delimited' in codec ? (codec as SelfDelimitingKeyCodec<unknown>).delimited : escaped(codec);
}

/** Any codec's bytes, escaped and ended. */
export function escaped<T>(codec: Codec<T>): DelimitedCodec<T> {
  const scratch = new GrowableSink();
  return {
    encode(value, sink) {
      scratch.reset();
      codec.encode(value, scratch);
      writeEscaped(scratch.bytes, scratch.end, sink);
    },
    decode(bytes, cursor) {
      const start = cursor.at;
      const end = endOfEscaped(bytes, cursor);
      if (end >= 0) return codec.decode(bytes, start, end);
      const plain = unescaped(bytes, start, cursor.at - END_BYTES);
      return codec.decode(plain, 0, plain.length);
    },
  };
}

/** Two zero bytes: the end of what was escaped. The room has to be there. */
export function writeEnd(sink: ByteSink): void {
  sink.bytes[sink.end++] = 0;
  sink.bytes[sink.end++] = 0;
}

export const END_BYTES = 2;

function writeEscaped(from: Buffer, sizeBytes: number, sink: ByteSink): void {
  sink.reserve(sizeBytes * 2 + END_BYTES);
  const bytes = sink.bytes;
  let at = sink.end;
  for (let i = 0; i < sizeBytes; i++) {
    const byte = from[i];
    bytes[at++] = byte;
    if (byte === 0) bytes[at++] = 0xff;
  }
  sink.end = at;
  writeEnd(sink);
}

/**
 * Moves the cursor behind the end mark. Answers where the content ends, or -1 where something in it is escaped, so
 * that it cannot be read in place.
 */
export function endOfEscaped(bytes: Buffer, cursor: Cursor): number {
  const length = bytes.length;
  let plain = true;
  for (let at = cursor.at; at < length; at++) {
    if (bytes[at] !== 0) continue;
    at++;
    if (bytes[at] === 0) {
      cursor.at = at + 1;
      return plain ? at - 1 : -1;
    }
    plain = false;
  }
  throw new MapReduceError('CorruptShuffleError', `part of a tuple at byte ${cursor.at} has no end`);
}

export function unescaped(bytes: Buffer, start: number, end: number): Buffer {
  const plain = Buffer.allocUnsafe(end - start);
  let size = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    plain[size++] = byte;
    if (byte === 0) at++;
  }
  return plain.subarray(0, size);
}
