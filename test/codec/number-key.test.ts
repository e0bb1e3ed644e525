import { expect, test } from 'vitest';
import { numberKeyCodec } from '../../src/codec/number-key.ts';
import {
  anyKeyNumber,
  compareNumbers,
  encoded,
  expectKeepsOrder,
  expectRoundTrips,
  roundTrip,
} from './laws.ts';

test('a number is decoded unchanged', () => {
  expectRoundTrips(numberKeyCodec, anyKeyNumber);
});

test('numbers sort from -Infinity to Infinity', () => {
  expectKeepsOrder(numberKeyCodec, anyKeyNumber, compareNumbers);
});

test('extreme numbers are in order', () => {
  const ascending = [
    -Infinity,
    -Number.MAX_VALUE,
    -(2 ** 53),
    -1.5,
    -1,
    -Number.MIN_VALUE,
    0,
    Number.MIN_VALUE,
    1,
    1 + Number.EPSILON,
    2 ** 53,
    Number.MAX_VALUE,
    Infinity,
  ];

  const byBytes = ascending
    .toReversed()
    .sort((a, b) => Buffer.compare(encoded(numberKeyCodec, a), encoded(numberKeyCodec, b)));

  expect(byBytes).toEqual(ascending);
});

test('-0 and 0 are one key', () => {
  expect(encoded(numberKeyCodec, -0)).toEqual(encoded(numberKeyCodec, 0));
  expect(roundTrip(numberKeyCodec, -0)).toBe(0);
});

test('NaN and values that are not numbers are refused', () => {
  expect(() => encoded(numberKeyCodec, NaN)).toThrow('cannot hold NaN (number)');
  expect(() => encoded(numberKeyCodec, '1' as unknown as number)).toThrow('cannot hold "1" (string)');
});
