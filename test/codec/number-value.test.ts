import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeNumberValue, encodeNumberValue, numberValueCodec } from '../../src/codec/number-value.ts';
import { anyNumber, encoded, expectRoundTrips, RUNS, roundTrip } from './laws.ts';

test('any number is decoded unchanged, -0 and NaN included', () => {
  expectRoundTrips(numberValueCodec, anyNumber);
  for (const value of [0, -0, NaN, Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE]) {
    expect(roundTrip(numberValueCodec, value)).toBe(value);
  }
});

test('integers around every power of two are decoded unchanged, and take as few bytes as two’s complement allows', () => {
  for (let exponent = 0; exponent <= 53; exponent++) {
    for (const offset of [-1, 0, 1]) {
      for (const sign of [1, -1]) {
        const value = sign * (2 ** exponent + offset) + 0;

        expect(roundTrip(numberValueCodec, value)).toBe(value);
        expect(encoded(numberValueCodec, value).length).toBe(naiveSizeBytes(value));
      }
    }
  }
});

test('any safe integer takes as few bytes as two’s complement allows', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      expect(encoded(numberValueCodec, value).length).toBe(naiveSizeBytes(value));
    }),
    RUNS,
  );
});

test('the bytes follow the format', () => {
  expect(encoded(numberValueCodec, 0)).toEqual(Buffer.from([]));
  expect(encoded(numberValueCodec, 1)).toEqual(Buffer.from([1]));
  expect(encoded(numberValueCodec, -1)).toEqual(Buffer.from([0xff]));
  expect(encoded(numberValueCodec, 128)).toEqual(Buffer.from([0x80, 0]));
  expect(encoded(numberValueCodec, 2 ** 32)).toEqual(Buffer.from([0, 0, 0, 0, 1]));
  expect(encoded(numberValueCodec, 0.5).readDoubleLE()).toBe(0.5);
});

test('the helpers write at an offset, and change no byte before or after', () => {
  const bytes = Buffer.alloc(20, 0xee);

  const end = encodeNumberValue(-70_000, bytes, 5);

  expect(end).toBe(8);
  expect(decodeNumberValue(bytes, 5, end)).toBe(-70_000);
  expect(bytes.subarray(0, 5)).toEqual(Buffer.alloc(5, 0xee));
  expect(bytes.subarray(8)).toEqual(Buffer.alloc(12, 0xee));
});

test('a value that is not a number is refused', () => {
  expect(() => encoded(numberValueCodec, '1' as unknown as number)).toThrow(
    'number cannot hold "1" (string)',
  );
  expect(() => encoded(numberValueCodec, 1n as unknown as number)).toThrow('number cannot hold 1n (bigint)');
});

test('a number of more than 8 bytes is reported as corrupt', () => {
  expect(() => decodeNumberValue(Buffer.alloc(9), 0, 9)).toThrow(
    expect.objectContaining({ name: 'CorruptShuffleError' }),
  );
});

/** With BigInt, which is slow and correct. */
function naiveSizeBytes(value: number): number {
  if (value === 0) return 0;
  if (!Number.isSafeInteger(value)) return 8;
  for (let size = 1; size <= 7; size++)
    if (BigInt.asIntN(8 * size, BigInt(value)) === BigInt(value)) return size;
  return 8;
}
