import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ByteSink, KeyCodec } from '../../src/codec/codec.ts';
import { json } from '../../src/codec/json-value.ts';
import { resolveKeyCodec } from '../../src/codec/resolve.ts';
import {
  anyBytes,
  anyKeyNumber,
  anyText,
  compareLists,
  compareNumbers,
  compareText,
  encoded,
  expectKeepsOrder,
  expectRoundTrips,
} from './laws.ts';

/** A few texts, some of which start with others: a wrong end mark would mix up their order. */
const closeText = fc.constantFrom(
  '',
  '\0',
  '\0\0',
  '\0\x01',
  '\x01',
  'a',
  'a\0',
  'a\0b',
  'a\x01',
  'ab',
  'é',
  '\uffff',
);
const closeNumber = fc.oneof(
  fc.constantFrom(-Infinity, -1, 0, 1, 255, 65_535, 2 ** 1023, Infinity),
  anyKeyNumber,
);
const closeBytes = fc
  .array(fc.constantFrom(0, 1, 0xfe, 0xff), { maxLength: 4 })
  .map((bytes) => Uint8Array.from(bytes));

const compareBytes = (a: Uint8Array, b: Uint8Array) => compareLists([...a], [...b], (x, y) => x - y);

type Compare = (a: never, b: never) => number;

function compareParts(parts: readonly Compare[]): (a: unknown, b: unknown) => number {
  return (a, b) => {
    for (const [i, part] of parts.entries()) {
      const order = part((a as never[])[i]!, (b as never[])[i]!);
      if (order !== 0) return order;
    }
    return 0;
  };
}

/** Reverses the bytes: a custom codec, about which the engine knows nothing. */
const ownCodec: KeyCodec<string> = {
  name: 'hex',
  ordered: true,
  encode(value: string, sink: ByteSink) {
    const bytes = Buffer.from(value, 'hex');
    sink.reserve(bytes.length);
    sink.bytes.set(bytes, sink.end);
    sink.end += bytes.length;
  },
  decode: (bytes, start, end) => bytes.toString('hex', start, end),
};
const anyHex = closeBytes.map((bytes) => Buffer.from(bytes).toString('hex'));
const compareHex = (a: string, b: string) => compareNumbers(a < b ? -1 : a > b ? 1 : 0, 0);

const tuples = [
  { type: ['string'], values: fc.tuple(anyText), parts: [compareText] },
  { type: ['string', 'string'], values: fc.tuple(closeText, closeText), parts: [compareText, compareText] },
  {
    type: ['string', 'number'],
    values: fc.tuple(closeText, closeNumber),
    parts: [compareText, compareNumbers],
  },
  {
    type: ['number', 'string'],
    values: fc.tuple(closeNumber, anyText),
    parts: [compareNumbers, compareText],
  },
  {
    type: ['bytes', 'number', 'bytes'],
    values: fc.tuple(closeBytes, closeNumber, anyBytes),
    parts: [compareBytes, compareNumbers, compareBytes],
  },
  {
    type: [['string', 'bytes'], ['number'], 'string'],
    values: fc.tuple(fc.tuple(closeText, closeBytes), fc.tuple(closeNumber), closeText),
    parts: [compareParts([compareText, compareBytes]), compareParts([compareNumbers]), compareText],
  },
  {
    type: ['string', ['string', ['string']]],
    values: fc.tuple(closeText, fc.tuple(closeText, fc.tuple(closeText))),
    parts: [compareText, compareParts([compareText, compareParts([compareText])])],
  },
  {
    type: [ownCodec, 'number', ownCodec],
    values: fc.tuple(anyHex, closeNumber, anyHex),
    parts: [compareHex, compareNumbers, compareHex],
  },
  {
    type: [json(), 'number'],
    values: fc.tuple(fc.array(closeText, { maxLength: 3 }), closeNumber),
    parts: [(a: string[], b: string[]) => compareLists(a, b, compareText), compareNumbers],
  },
] as const;

for (const { type, values, parts } of tuples) {
  const codec = resolveKeyCodec(type) as KeyCodec<unknown>;

  test(`${codec.name} is decoded unchanged`, () => {
    expectRoundTrips(codec, values);
  });

  test(`${codec.name} sorts by its parts from left to right`, () => {
    expectKeepsOrder(codec, values, compareParts(parts));
  });
}

test('the last part has neither escapes nor an end mark', () => {
  const codec = resolveKeyCodec(['number', 'string']);

  expect(encoded(codec, [0, 'a\0']).length).toBe(8 + 2);
});

test('too many or too few parts are refused', () => {
  const codec = resolveKeyCodec(['string', 'number']);

  expect(() => encoded(codec, ['a'])).toThrow(
    'ordered-tuple(string,ordered-number) cannot hold ["a"] (array of 1). Allowed: an array of 2 parts.',
  );
  expect(() => encoded(codec, ['a', 1, 2])).toThrow('array of 3');
  expect(() => encoded(codec, 'a')).toThrow('"a" (string)');
});

test('a part of another type is refused', () => {
  const codec = resolveKeyCodec(['string', 'number']);

  expect(() => encoded(codec, [1, 1])).toThrow('string cannot hold 1 (number)');
  expect(() => encoded(codec, ['a', NaN])).toThrow('cannot hold NaN');
});

test('a part without an end mark is reported as corrupt', () => {
  const codec = resolveKeyCodec(['string', 'number']);

  expect(() => codec.decode(Buffer.from('abc'), 0, 3)).toThrow(
    expect.objectContaining({ name: 'CorruptShuffleError' }),
  );
});
