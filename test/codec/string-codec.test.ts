import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrowableSink } from '../../src/codec/growable-sink.ts';
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

test('text is decoded unchanged', () => {
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

test('one letter that is not ASCII is found at every place of a short text', () => {
  for (let length = 1; length <= 14; length++) {
    for (let at = 0; at < length; at++) {
      const letters = [...'abcdefghijklmnop'.slice(0, length)];
      letters[at] = 'é';
      expect(roundTrip(stringCodec, letters.join(''))).toBe(letters.join(''));
    }
  }
});

test('ASCII and other text of every length up to 100 is decoded unchanged', () => {
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

test('a lone surrogate is refused anywhere in a text, with a remedy', () => {
  for (const text of [
    '\ud800',
    'a\ud800b',
    '\udc00\ud800',
    '😀'[0]!,
    '😀'[1]!,
    `${'a'.repeat(50)}\udc00`,
    `${'é'.repeat(50)}\ud83d`,
    `${'x'.repeat(100_000)}\ud83d`,
    // Four bytes and three, as three characters: the length alone does not show it.
    'é\ud800',
  ]) {
    expect(() => roundTrip(stringCodec, text)).toThrow(
      expect.objectContaining({ name: 'UnencodableValueError' }),
    );
  }
  expect(() => roundTrip(stringCodec, 'ab\ud800')).toThrow(
    'string cannot hold "ab\\ud800" (string). Allowed: text without lone surrogates, which have no UTF-8 form. There is half of a character at index 2: cut text between characters ([...text][0] is a whole one, text[0] may be half), or emit text.toWellFormed().',
  );
});

test('a lone surrogate is found at any place among characters of one to four bytes', () => {
  for (const filler of ['a', 'é', '漢', '😀', '\ufffd', 'пн']) {
    for (let before = 0; before < 12; before++) {
      for (let after = 0; after < 4; after++) {
        const text = (half: string) => `${'é'}${filler.repeat(before)}${half}${filler.repeat(after)}`;
        expect(() => roundTrip(stringCodec, text('\ud800'))).toThrow('lone surrogates');
        expect(roundTrip(stringCodec, text(''))).toBe(text(''));
      }
    }
  }
});

test('a replacement character in the text is kept', () => {
  for (const text of ['\ufffd', 'a\ufffd😀', '\ufffd'.repeat(50)])
    expect(roundTrip(stringCodec, text)).toBe(text);
});

test('bytes written before a refused text are kept', () => {
  const sink = new GrowableSink();
  stringCodec.encode('before', sink);

  expect(() => stringCodec.encode('\ud800', sink)).toThrow();

  expect(sink.bytes.toString('utf8', 0, sink.end)).toBe('before');
});

test('a value that is not a string is refused, with a remedy', () => {
  expect(() => encoded(stringCodec, 42 as unknown as string)).toThrow(
    expect.objectContaining({
      name: 'UnencodableValueError',
      message:
        'string cannot hold 42 (number). Allowed: a string, or a range of bytes ({ bytes, start, end }). Emit String(value), or declare the type that is emitted.',
    }),
  );
  expect(() => encoded(stringCodec, undefined as unknown as string)).toThrow('undefined (undefined)');
});
