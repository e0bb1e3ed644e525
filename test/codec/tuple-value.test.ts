import fc from 'fast-check';
import { expect, test } from 'vitest';
import { json } from '../../src/codec/json-value.ts';
import { resolveValueCodec } from '../../src/codec/resolve.ts';
import { anyJson } from './json-values.ts';
import { anyBytes, anyNumber, anyText, encoded, expectRoundTrips } from './laws.ts';

const longText = fc.integer({ min: 0, max: 40_000 }).map((length) => 'x'.repeat(length));

const tuples = [
  { type: ['number'], values: fc.tuple(anyNumber) },
  { type: ['number', 'number'], values: fc.tuple(anyNumber, anyNumber) },
  { type: ['number', 'number', 'number'], values: fc.tuple(anyNumber, anyNumber, anyNumber) },
  { type: ['string', 'number'], values: fc.tuple(anyText, anyNumber) },
  { type: ['string', 'bytes', 'string'], values: fc.tuple(longText, anyBytes, longText) },
  {
    type: [['number', 'number'], ['string', ['bytes', 'string']], json()],
    values: fc.tuple(fc.tuple(anyNumber, anyNumber), fc.tuple(anyText, fc.tuple(anyBytes, anyText)), anyJson),
  },
] as const;

for (const { type, values } of tuples) {
  const codec = resolveValueCodec(type);

  test(`${codec.name} is decoded unchanged`, () => {
    expectRoundTrips(codec, values as fc.Arbitrary<unknown>);
  });
}

test('tuples of numbers have the same format as other tuples: a length before each part except the last', () => {
  expect(encoded(resolveValueCodec(['number', 'number']), [1, 300])).toEqual(Buffer.from([1, 1, 0x2c, 1]));
  expect(encoded(resolveValueCodec(['number', 'string']), [1, 'ab'])).toEqual(
    Buffer.from([1, 1, 0x61, 0x62]),
  );
});

test('wrong shapes and parts are refused', () => {
  const pair = resolveValueCodec(['number', 'number']);

  expect(() => encoded(pair, [1])).toThrow('tuple(number,number) cannot hold [1] (array of 1)');
  expect(() => encoded(pair, [1, '2'])).toThrow('number cannot hold "2" (string)');
  expect(() => encoded(pair, null)).toThrow('cannot hold null (null)');
});
