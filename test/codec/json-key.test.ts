import { expect, test } from 'vitest';
import { jsonKeyCodec } from '../../src/codec/json-key.ts';
import { anyJson } from './json-values.ts';
import {
  compareLists,
  compareNumbers,
  compareText,
  encoded,
  expectKeepsOrder,
  expectRoundTrips,
  roundTrip,
} from './laws.ts';

test('any JSON is decoded to an equal value', () => {
  expectRoundTrips(jsonKeyCodec, anyJson);
});

test('JSON is totally ordered: null, false, true, numbers, strings, arrays, objects', () => {
  expectKeepsOrder(jsonKeyCodec, anyJson, compareJson);
});

test('the entries of objects are decoded in sorted order, and their original order does not matter', () => {
  const decoded = roundTrip(jsonKeyCodec, { b: 1, a: { d: 2, c: 3 } });

  expect(JSON.stringify(decoded)).toBe('{"a":{"c":3,"d":2},"b":1}');
  expect(encoded(jsonKeyCodec, { b: 1, a: 2 })).toEqual(encoded(jsonKeyCodec, { a: 2, b: 1 }));
});

test('entries are sorted by code point, where JavaScript would sort by UTF-16 unit', () => {
  const a = { '\uffff': 2, '\u{10000}': 1 };
  const b = { '\uffff': 1, '\u{10000}': 2 };

  expect(Buffer.compare(encoded(jsonKeyCodec, a), encoded(jsonKeyCodec, b))).toBe(1);
});

test('an entry named __proto__ is an entry', () => {
  const value: unknown = JSON.parse('{"__proto__": {"a": 1}}');

  const decoded = roundTrip(jsonKeyCodec, value);

  expect(Object.keys(decoded as object)).toEqual(['__proto__']);
});

test('values that JSON cannot hold are refused, with the path to them', () => {
  const at = (value: unknown) => () => encoded(jsonKeyCodec, value);

  expect(at(undefined)).toThrow('ordered-json cannot hold undefined (undefined). Allowed:');
  expect(at({ tags: ['a', { 'b c': NaN }] })).toThrow('NaN (number) at $.tags[1]["b c"].');
});

test('-0 and 0 are one key', () => {
  expect(encoded(jsonKeyCodec, [-0])).toEqual(encoded(jsonKeyCodec, [0]));
  expect(roundTrip(jsonKeyCodec, [-0])).toEqual([0]);
});

test('lone surrogates are refused, since different keys would become equal', () => {
  const at = (value: unknown) => () => encoded(jsonKeyCodec, value);

  expect(at({ a: { '\ud800': 1, '\ud801': 2 } })).toThrow(
    'ordered-json cannot hold "\\ud800" (string) at $.a, as a name. Allowed: null',
  );
  expect(at(['😀', 'x\ud83d'])).toThrow('"x\\ud83d" (string) at $[1]. Allowed: null');
  expect(at('😀'.slice(0, 1))).toThrow('strings without lone surrogates, and arrays');
  expect(at('\udc00')).toThrow('Emit value.toWellFormed(), or cut text between characters.');
});

function compareJson(a: unknown, b: unknown): number {
  const byRank = rank(a) - rank(b);
  if (byRank !== 0) return byRank;
  if (typeof a === 'number') return compareNumbers(a, b as number);
  if (typeof a === 'string') return compareText(a, b as string);
  if (Array.isArray(a)) return compareLists(a, b as unknown[], compareJson);
  if (a === null || typeof a === 'boolean') return 0;
  return compareLists(
    sortedEntries(a as object),
    sortedEntries(b as object),
    ([nameA, valueA], [nameB, valueB]) => {
      return compareText(nameA, nameB) || compareJson(valueA, valueB);
    },
  );
}

function rank(value: unknown): number {
  if (value === null) return 0;
  if (value === false) return 1;
  if (value === true) return 2;
  if (typeof value === 'number') return 3;
  if (typeof value === 'string') return 4;
  return Array.isArray(value) ? 5 : 6;
}

function sortedEntries(value: object): [string, unknown][] {
  return Object.entries(value).sort(([a], [b]) => compareText(a, b));
}
