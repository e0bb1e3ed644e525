import type { ByteSink } from './codec.ts';
import type { SelfDelimitingKeyCodec } from './delimited.ts';
import { unencodable } from './unencodable.ts';

/**
 * Numbers as keys: 8 bytes that sort as the numbers do, from -Infinity to Infinity. The bits of positive doubles, read as
 * big-endian integers, sort as the numbers do already. Positive numbers get the sign bit set, and negative numbers all bits
 * flipped. -0 becomes 0, since the two are one key. NaN has no place in an order and is refused.
 */
export const numberKeyCodec: SelfDelimitingKeyCodec<number> = {
  name: 'ordered-number',
  ordered: true,
  encode: encodeNumberKey,
  decode: (bytes, start) => decodeNumberKey(bytes, start),
  delimited: {
    encode: encodeNumberKey,
    decode(bytes, cursor) {
      cursor.at += NUMBER_KEY_BYTES;
      return decodeNumberKey(bytes, cursor.at - NUMBER_KEY_BYTES);
    },
  },
};

const NUMBER_KEY_BYTES = 8;

const scratch = new DataView(new ArrayBuffer(8));

export function encodeNumberKey(value: number, sink: ByteSink): void {
  if (typeof value !== 'number' || Number.isNaN(value)) throw notAKey(value);
  if (sink.bytes.length - sink.end < NUMBER_KEY_BYTES) sink.reserve(NUMBER_KEY_BYTES);
  // Adding 0 turns -0 into 0.
  scratch.setFloat64(0, value + 0);
  let high = scratch.getInt32(0);
  let low = scratch.getInt32(4);
  if (high < 0) {
    high = ~high;
    low = ~low;
  } else {
    high |= 0x80000000;
  }
  const { bytes, end } = sink;
  bytes[end] = high >> 24;
  bytes[end + 1] = high >> 16;
  bytes[end + 2] = high >> 8;
  bytes[end + 3] = high;
  bytes[end + 4] = low >> 24;
  bytes[end + 5] = low >> 16;
  bytes[end + 6] = low >> 8;
  bytes[end + 7] = low;
  sink.end = end + NUMBER_KEY_BYTES;
}

/** Reads the 8 bytes at `start`. */
export function decodeNumberKey(bytes: Buffer, start: number): number {
  let high = bigEndian32(bytes, start);
  let low = bigEndian32(bytes, start + 4);
  if (high < 0) {
    high &= 0x7fffffff;
  } else {
    high = ~high;
    low = ~low;
  }
  scratch.setInt32(0, high);
  scratch.setInt32(4, low);
  return scratch.getFloat64(0);
}

function bigEndian32(bytes: Buffer, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function notAKey(value: unknown): Error {
  return unencodable({
    codec: 'number (as a key)',
    value,
    allowed: 'any number except NaN, which has no place in an order',
    remedy: 'Skip such records, or emit another key for them.',
  });
}
