/**
 * Encodings that mark where they end, so that another can follow, as the parts of a tuple require.
 *
 *     fixed size                    unchanged: the 8 bytes of a number
 *     tuples, json                  unchanged: their structure shows where they end
 *     text, bytes, custom codecs    0x00 becomes 0x00 0xff, and 0x00 0x00 ends it
 *
 * The end mark sorts below all bytes that can stand in its place (0x00 0x00 < 0x00 0xff < 0x01). So a text sorts before
 * every longer text that starts with it, whatever follows in the tuple.
 */
import { MapReduceError } from '../base/errors.ts';
import type { ByteSink, Codec, KeyCodec } from './codec.ts';
import { GrowableSink } from './growable-sink.ts';

/** The position of a reader. */
export interface Cursor {
  at: number;
}

export interface DelimitedCodec<T> {
  encode(value: T, sink: ByteSink): void;
  /** Reads at the cursor and moves it to the end of the encoding. */
  decode(bytes: Buffer, cursor: Cursor): T;
}

/** A key codec with a delimited form of its own, better than escaping. */
export interface SelfDelimitingKeyCodec<T> extends KeyCodec<T> {
  readonly delimited: DelimitedCodec<T>;
}

export function delimited(codec: KeyCodec<unknown>): DelimitedCodec<unknown> {
  return isSelfDelimiting(codec) ? codec.delimited : escaped(codec);
}

function isSelfDelimiting(codec: KeyCodec<unknown>): codec is SelfDelimitingKeyCodec<unknown> {
  return 'delimited' in codec;
}

/** The bytes of any codec, escaped and followed by the end mark. */
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

/** Writes the end mark, two zero bytes. The caller must have reserved the room. */
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
    const byte = from[i]!;
    bytes[at++] = byte;
    if (byte === 0) bytes[at++] = 0xff;
  }
  sink.end = at;
  writeEnd(sink);
}

/**
 * Moves the cursor past the end mark. Returns where the content ends, or -1 if something in it is escaped and it cannot
 * be read in place.
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
  throw new MapReduceError('CorruptShuffleError', `the part of a tuple at byte ${cursor.at} has no end mark`);
}

export function unescaped(bytes: Buffer, start: number, end: number): Buffer {
  const plain = Buffer.allocUnsafe(end - start);
  let size = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    plain[size++] = byte;
    if (byte === 0) at++;
  }
  return plain.subarray(0, size);
}
