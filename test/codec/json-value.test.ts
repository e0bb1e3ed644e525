import { expect, test } from 'vitest';
import { jsonValueCodec } from '../../src/codec/json-value.ts';
import { anyJson } from './json-values.ts';
import { encoded, expectRoundTrips, roundTrip } from './laws.ts';

test('any JSON comes back equal', () => {
  expectRoundTrips(jsonValueCodec, anyJson);
});

test('a value is written as JSON text', () => {
  expect(encoded(jsonValueCodec, { b: [1, 'é'], a: null }).toString()).toBe('{"b":[1,"é"],"a":null}');
});

test('what JSON.stringify would drop or change in silence is refused, with the path and what to do', () => {
  const at = (value: unknown) => () => encoded(jsonValueCodec, value);

  expect(at({ a: undefined })).toThrow('undefined (undefined) at $.a. Allowed: null');
  expect(at({ a: undefined })).toThrow('Leave the property out, or use null.');
  expect(at(new Array(2))).toThrow('undefined (undefined) at $[0].');
  expect(at([() => 1])).toThrow('(function) at $[0].');
  expect(at({ a: { b: 10n } })).toThrow('10n (bigint) at $.a.b.');
  expect(at([Infinity])).toThrow('Infinity (number) at $[0].');
  expect(at(Symbol('x'))).toThrow('Symbol(x) (symbol).');
  expect(at({ when: new Date(0) })).toThrow('Pass value.toISOString().');
  expect(at(new Map([['a', 1]]))).toThrow('Pass Object.fromEntries(value)');
  expect(at(new Set(['a']))).toThrow('Pass [...value].');
  expect(at(new Uint8Array(2))).toThrow("Declare the type as 'bytes'");
  expect(at(new (class Row {})())).toThrow('Pass a plain object made from the Row.');
});

test('a cycle is refused, and the reference that closes it is named', () => {
  const root: { child: { up?: unknown } } = { child: {} };
  root.child.up = root;

  expect(() => encoded(jsonValueCodec, root)).toThrow('a cycle (object) at $.child.up.');
});

test('one object in two places is no cycle', () => {
  const shared = { a: 1 };

  expect(roundTrip(jsonValueCodec, [shared, shared])).toEqual([{ a: 1 }, { a: 1 }]);
});

test('a value nested deeper than the bound is refused', () => {
  let nested: unknown = 1;
  for (let i = 0; i < 1_001; i++) nested = [nested];

  expect(() => encoded(jsonValueCodec, nested)).toThrow('Nest it less deeply.');
  expect(roundTrip(jsonValueCodec, (nested as unknown[])[0])).toEqual((nested as unknown[])[0]);
});
