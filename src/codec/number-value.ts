import { MapReduceError } from '../base/errors.ts';
import type { ByteSink, Codec } from './codec.ts';
import { unencodable } from './unencodable.ts';

/**
 * Numbers as values: any double, bit for bit (with a single NaN), in as few bytes as possible. The length shows the form:
 *
 *     0 bytes   0
 *     1 to 7    a safe integer, two's complement, little-endian, as short as possible
 *     8         IEEE 754 double, little-endian: fractions, -0, NaN, infinities, integers beyond 2^53 - 1
 *
 * Counts are mostly 1, so the one-byte case comes first and costs two comparisons.
 */
export const numberValueCodec: Codec<number> = {
  name: 'number',
  encode(value: number, sink: ByteSink): void {
    if (typeof value !== 'number') throw notANumber(value);
    if (sink.bytes.length - sink.end < NUMBER_VALUE_BYTES_MAX) sink.reserve(NUMBER_VALUE_BYTES_MAX);
    sink.end = encodeNumberValue(value, sink.bytes, sink.end);
  },
  decode: decodeNumberValue,
};

export function isNumberValueCodec(codec: object): boolean {
  return codec === numberValueCodec;
}

export const NUMBER_VALUE_BYTES_MAX = 8;

const TWO_POW_32 = 2 ** 32;
const TWO_POW_39 = 2 ** 39;
const TWO_POW_47 = 2 ** 47;
const scratch = new DataView(new ArrayBuffer(8));

/** Writes `value` at `bytes[at]`, where NUMBER_VALUE_BYTES_MAX bytes must be free, and returns the new end. */
export function encodeNumberValue(value: number, bytes: Uint8Array, at: number): number {
  const int32 = value | 0;
  if (int32 === value) {
    if ((int32 << 24) >> 24 === int32) {
      if (int32 === 0) return 1 / value < 0 ? encodeDouble(value, bytes, at) : at;
      bytes[at] = int32;
      return at + 1;
    }
    bytes[at] = int32;
    bytes[at + 1] = int32 >> 8;
    if ((int32 << 16) >> 16 === int32) return at + 2;
    bytes[at + 2] = int32 >> 16;
    if ((int32 << 8) >> 8 === int32) return at + 3;
    bytes[at + 3] = int32 >> 24;
    return at + 4;
  }
  return Number.isSafeInteger(value) ? encodeLongInteger(value, bytes, at) : encodeDouble(value, bytes, at);
}

/** Reads what encodeNumberValue wrote into `bytes[start, end)`. */
export function decodeNumberValue(bytes: Uint8Array, start: number, end: number): number {
  switch (end - start) {
    case 0:
      return 0;
    case 1:
      return (bytes[start]! << 24) >> 24;
    case 2:
      return ((bytes[start]! << 16) | (bytes[start + 1]! << 24)) >> 16;
    case 3:
      return ((bytes[start]! << 8) | (bytes[start + 1]! << 16) | (bytes[start + 2]! << 24)) >> 8;
    case 4:
      return low32(bytes, start);
    case 5:
      return (low32(bytes, start) >>> 0) + ((bytes[start + 4]! << 24) >> 24) * TWO_POW_32;
    case 6:
      return (
        (low32(bytes, start) >>> 0) +
        (((bytes[start + 4]! << 16) | (bytes[start + 5]! << 24)) >> 16) * TWO_POW_32
      );
    case 7:
      return (
        (low32(bytes, start) >>> 0) +
        (((bytes[start + 4]! << 8) | (bytes[start + 5]! << 16) | (bytes[start + 6]! << 24)) >> 8) * TWO_POW_32
      );
    case 8:
      return decodeDouble(bytes, start);
    default:
      throw new MapReduceError(
        'CorruptShuffleError',
        `a number must have 0 to 8 bytes; found ${end - start}`,
      );
  }
}

/** A safe integer of more than 32 bits: 5 to 7 bytes. */
function encodeLongInteger(value: number, bytes: Uint8Array, at: number): number {
  const low = value | 0;
  const high = Math.floor(value / TWO_POW_32);
  bytes[at] = low;
  bytes[at + 1] = low >> 8;
  bytes[at + 2] = low >> 16;
  bytes[at + 3] = low >> 24;
  bytes[at + 4] = high;
  if (value < TWO_POW_39 && value >= -TWO_POW_39) return at + 5;
  bytes[at + 5] = high >> 8;
  if (value < TWO_POW_47 && value >= -TWO_POW_47) return at + 6;
  bytes[at + 6] = high >> 16;
  return at + 7;
}

function encodeDouble(value: number, bytes: Uint8Array, at: number): number {
  scratch.setFloat64(0, value, true);
  for (let i = 0; i < 8; i++) bytes[at + i] = scratch.getUint8(i);
  return at + 8;
}

function decodeDouble(bytes: Uint8Array, start: number): number {
  for (let i = 0; i < 8; i++) scratch.setUint8(i, bytes[start + i]!);
  return scratch.getFloat64(0, true);
}

function low32(bytes: Uint8Array, start: number): number {
  return bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 24);
}

function notANumber(value: unknown): Error {
  return unencodable({
    codec: 'number',
    value,
    allowed: 'a number, NaN and infinities included',
    remedy: 'Emit Number(value), or declare the type that is emitted.',
  });
}
