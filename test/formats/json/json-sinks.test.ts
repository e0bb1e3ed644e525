import fc from 'fast-check';
import { expect, test } from 'vitest';
import { json } from '../../../src/codec/json-value.ts';
import { resolveKeyCodec, resolveValueCodec } from '../../../src/codec/resolve.ts';
import { jsonLinesSink, jsonPairs } from '../../../src/formats/json/json-sinks.ts';
import { anyJson } from '../../codec/json-values.ts';
import { anyKeyNumber, anyText, RUNS } from '../../codec/laws.ts';
import { written, writtenFromBytes } from '../written.ts';

const finite = anyKeyNumber.filter(Number.isFinite);

test('a record becomes an object with key and value', () => {
  expect(written(jsonPairs(), { key: 'be', value: { count: 3 } })).toBe('{"key":"be","value":{"count":3}}\n');
});

test('any JSON can be read back from its line', () => {
  fc.assert(
    fc.property(anyJson, anyJson, (key, value) => {
      const line = written(jsonPairs(), { key, value });

      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(JSON.parse(line)).toEqual({ key, value });
    }),
    RUNS,
  );
});

for (const [keyType, keys] of [
  [
    'string',
    fc.oneof(anyText, fc.string({ unit: fc.constantFrom('"', '\\', '\x1f', '\x7f', 'é'), maxLength: 5 })),
  ],
  ['number', finite],
] as const) {
  for (const [valueType, values] of [
    ['string', anyText],
    ['number', finite],
    [json(), anyJson],
  ] as const) {
    const codecs = { key: resolveKeyCodec(keyType), value: resolveValueCodec(valueType) };

    test(`the line is the same when written from encoded bytes of ${codecs.key.name} and ${codecs.value.name}`, () => {
      fc.assert(
        fc.property(keys as fc.Arbitrary<unknown>, values as fc.Arbitrary<unknown>, (key, value) => {
          expect(writtenFromBytes(jsonPairs(), codecs, { key, value })).toBe(
            written(jsonPairs(), { key, value }),
          );
        }),
        RUNS,
      );
    });
  }
}

test('-0 is written as -0 by both writers', () => {
  for (const type of ['number', json()] as const) {
    const codecs = { key: resolveKeyCodec('string'), value: resolveValueCodec(type) };

    expect(written(jsonPairs(), { key: 'k', value: -0 })).toBe('{"key":"k","value":-0}\n');
    expect(writtenFromBytes(jsonPairs(), codecs, { key: 'k', value: -0 })).toBe('{"key":"k","value":-0}\n');
  }
  expect(written(jsonPairs(), { key: [-0], value: { a: -0 } })).toBe('{"key":[-0],"value":{"a":-0}}\n');
});

test('values that JSON cannot hold are refused by both writers', () => {
  const codecs = { key: resolveKeyCodec('string'), value: resolveValueCodec('number') };

  expect(() => written(jsonPairs(), { key: 'k', value: NaN })).toThrow('jsonPairs cannot hold NaN (number).');
  expect(() => writtenFromBytes(jsonPairs(), codecs, { key: 'k', value: NaN })).toThrow('cannot hold NaN');
  expect(() => written(jsonPairs(), { key: 'k', value: undefined })).toThrow('cannot hold undefined');
});

test('a row is one line of JSON, and its key is not written', () => {
  expect(written(jsonLinesSink(), { key: 'ignored', value: { word: 'be', n: [3, null] } })).toBe(
    '{"word":"be","n":[3,null]}\n',
  );
  expect(written(jsonLinesSink(), { key: Symbol('ignored'), value: 'a\nb' })).toBe('"a\\nb"\n');
});

for (const [type, values] of [
  ['string', anyText],
  ['number', finite],
  [json(), anyJson],
] as const) {
  const codecs = { key: resolveKeyCodec(['string', 'number']), value: resolveValueCodec(type) };

  test(`a row of ${codecs.value.name} can be read back, and is the same when written from encoded bytes`, () => {
    fc.assert(
      fc.property(values as fc.Arbitrary<unknown>, (value) => {
        const line = written(jsonLinesSink(), { key: ['k', 1], value });

        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(JSON.parse(line)).toEqual(value);
        expect(writtenFromBytes(jsonLinesSink(), codecs, { key: ['k', 1], value })).toBe(line);
      }),
      RUNS,
    );
  });
}

test('a row that JSON cannot hold is refused', () => {
  expect(() => written(jsonLinesSink(), { key: 'k', value: NaN })).toThrow(
    'jsonLines cannot hold NaN (number).',
  );
  expect(() => written(jsonLinesSink(), { key: 'k', value: { at: new Date(0) } })).toThrow(
    'jsonLines cannot hold',
  );
});
