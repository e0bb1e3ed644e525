import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringCodec } from '../../src/codec/string-codec.ts';
import {
  anyText,
  compareText,
  encoded,
  expectKeepsOrder,
  expectRoundTrips,
  RUNS,
  roundTrip,
} from './laws.ts';

test('text comes back as it was', () => {
  expectRoundTrips(stringCodec, anyText);
});

test('text is written as UTF-8', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(encoded(stringCodec, text)).toEqual(Buffer.from(text, 'utf8'));
    }),
    RUNS,
  );
});

test('text sorts by code point', () => {
  expectKeepsOrder(stringCodec, anyText, compareText);
});

test('ASCII and other text of every length up to 100 comes back as it was', () => {
  for (let length = 0; length <= 100; length++) {
    const ascii = 'abcdefghijklmnop'.repeat(7).slice(0, length);

    expect(roundTrip(stringCodec, ascii)).toBe(ascii);
    expect(roundTrip(stringCodec, `${ascii}é`)).toBe(`${ascii}é`);
    expect(roundTrip(stringCodec, `\u{1f600}${ascii}`)).toBe(`\u{1f600}${ascii}`);
  }
});

test('text of many characters is written whole', () => {
  const text = 'aé\u{1f600}'.repeat(50_000);

  expect(roundTrip(stringCodec, text)).toBe(text);
});

test('a lone surrogate becomes U+FFFD', () => {
  expect(roundTrip(stringCodec, 'a\ud800b')).toBe('a\ufffdb');
  expect(roundTrip(stringCodec, `${'a'.repeat(50)}\udc00`)).toBe(`${'a'.repeat(50)}\ufffd`);
});

test('what is not a string is refused, with what to do', () => {
  expect(() => encoded(stringCodec, 42 as unknown as string)).toThrow(
    expect.objectContaining({
      name: 'UnencodableValueError',
      message:
        'string cannot hold 42 (number). Allowed: a string. Pass String(value), or declare the type that is emitted.',
    }),
  );
  expect(() => encoded(stringCodec, undefined as unknown as string)).toThrow('undefined (undefined)');
});
