import fc from 'fast-check';
import { expect, test } from 'vitest';
import { json } from '../../src/codec/json-value.ts';
import { resolveKeyCodec, resolveValueCodec } from '../../src/codec/resolve.ts';
import { lines } from '../../src/formats/lines.ts';
import { anyNumber, anyText, RUNS } from '../codec/laws.ts';
import { written, writtenFromBytes } from './written.ts';

test('the value is written on a line unchanged, and the key is not written', () => {
  expect(written(lines(), { key: 'ignored', value: 'to be\tor\\not' })).toBe('to be\tor\\not\n');
  expect(written(lines(), { key: { any: 'thing' }, value: -1.5 })).toBe('-1.5\n');
  expect(written(lines(), { key: null, value: Buffer.from('bytes') })).toBe('bytes\n');
  expect(written(lines(), { key: null, value: true })).toBe('true\n');
  expect(written(lines(), { key: null, value: 10n })).toBe('10\n');
  expect(written(lines(), { key: null, value: undefined })).toBe('\n');
});

for (const [type, values] of [
  ['string', anyText],
  ['number', anyNumber],
  ['bytes', anyText.map((text) => new Uint8Array(Buffer.from(text)))],
] as const) {
  test(`the line of a ${type} is the same when written from encoded bytes`, () => {
    const codecs = { key: resolveKeyCodec(json()), value: resolveValueCodec(type) };
    fc.assert(
      fc.property(values as fc.Arbitrary<unknown>, (value) => {
        const record = { key: ['any', 1], value };

        expect(writtenFromBytes(lines(), codecs, record)).toBe(written(lines(), record));
      }),
      RUNS,
    );
  });
}

test('objects are refused, with other formats to choose', () => {
  expect(() => written(lines(), { key: 'k', value: { a: 1 } })).toThrow(
    'lines cannot hold {"a":1} (object). Allowed: strings, numbers, booleans, bytes, null and undefined. ' +
      'Use output: jsonLines()',
  );
});
