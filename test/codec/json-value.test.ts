import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { jsonValueCodec } from '../../src/codec/json-value.ts';
import { anyJson } from './json-values.ts';
import { encoded, expectRoundTrips, roundTrip } from './laws.ts';

test('any JSON is decoded to an equal value', () => {
  expectRoundTrips(jsonValueCodec, anyJson);
});

test('a value is written as JSON text', () => {
  expect(encoded(jsonValueCodec, { b: [1, 'é'], a: null }).toString()).toBe('{"b":[1,"é"],"a":null}');
});

test('values that JSON.stringify would silently drop or change are refused, with the path and a remedy', () => {
  const at = (value: unknown) => () => encoded(jsonValueCodec, value);

  expect(at({ a: undefined })).toThrow('undefined (undefined) at $.a. Allowed: null');
  expect(at({ a: undefined })).toThrow('Omit the property, or use null.');
  expect(at(new Array(2))).toThrow('undefined (undefined) at $[0].');
  expect(at([() => 1])).toThrow('(function) at $[0].');
  expect(at({ a: { b: 10n } })).toThrow('10n (bigint) at $.a.b.');
  expect(at([Infinity])).toThrow('Infinity (number) at $[0].');
  expect(at(Symbol('x'))).toThrow('Symbol(x) (symbol).');
  expect(at({ when: new Date(0) })).toThrow('Emit value.toISOString().');
  expect(at(new Map([['a', 1]]))).toThrow('Emit Object.fromEntries(value)');
  expect(at(new Set(['a']))).toThrow('Emit [...value].');
  expect(at(new Uint8Array(2))).toThrow("Declare the type as 'bytes'");
  expect(at(new (class Row {})())).toThrow('Emit a plain object made from the Row.');
});

test('-0 is kept, anywhere in a value', () => {
  for (const value of [-0, [0, -0], { a: { '"b"': [-0, 'é\ud800', null, true] }, __proto__: null }]) {
    expect(roundTrip(jsonValueCodec, value)).toEqual(value);
  }
  expect(encoded(jsonValueCodec, { a: [-0, 'x'], b: 0 }).toString()).toBe('{"a":[-0,"x"],"b":0}');
});

test('lone surrogates are kept, in names and in strings', () => {
  const value = { '\ud800': '\udc00', '\ud801': 'a\ud800' };

  expect(roundTrip(jsonValueCodec, value)).toEqual(value);
});

test('symbols as names are refused, unless they are not enumerable', () => {
  const secret = Object.defineProperty({ a: 1 }, Symbol('secret'), { value: 2, enumerable: false });

  expect(() => encoded(jsonValueCodec, { a: { [Symbol('x')]: 1 } })).toThrow(
    'json cannot hold Symbol(x) (symbol) at $.a, as a name. Allowed: null',
  );
  expect(roundTrip(jsonValueCodec, secret)).toEqual({ a: 1 });
});

test('a value with a toJSON() is refused, own or inherited', () => {
  const toJSON = () => 'other';
  const refused = 'at $.a. Allowed: null';
  const inherited = Object.create(Object.assign(Object.create(null), { toJSON }));
  const hidden = Object.defineProperty({}, 'toJSON', { value: toJSON, enumerable: false });
  const ofArray = Object.assign([1], { toJSON });

  for (const a of [inherited, hidden, ofArray, { toJSON }]) {
    expect(() => encoded(jsonValueCodec, { a })).toThrow(refused);
    expect(() => encoded(jsonValueCodec, { a })).toThrow('It has a toJSON(): emit what toJSON() returns');
  }
  expect(roundTrip(jsonValueCodec, { toJSON: 'a name like any other' })).toEqual({
    toJSON: 'a name like any other',
  });
});

test('an object without a prototype, or with Object.prototype of any realm, is plain; one that inherits more is not', () => {
  const bare = Object.assign(Object.create(null), { a: 1 });
  const heir = Object.assign(Object.create(bare), { b: 2 });

  expect(roundTrip(jsonValueCodec, bare)).toEqual({ a: 1 });
  expect(roundTrip(jsonValueCodec, runInNewContext('({ a: [{ b: 1 }] })'))).toEqual({ a: [{ b: 1 }] });
  expect(() => encoded(jsonValueCodec, heir)).toThrow('Emit a plain object');
});

test('a cycle is refused, with the path of the reference that closes it', () => {
  const root: { child: { up?: unknown } } = { child: {} };
  root.child.up = root;

  expect(() => encoded(jsonValueCodec, root)).toThrow('a cycle (object) at $.child.up.');
});

test('one object in two places is not a cycle', () => {
  const shared = { a: 1 };

  expect(roundTrip(jsonValueCodec, [shared, shared])).toEqual([{ a: 1 }, { a: 1 }]);
});

test('a value nested more deeply than the bound is refused', () => {
  let nested: unknown = 1;
  for (let i = 0; i < 1_001; i++) nested = [nested];

  expect(() => encoded(jsonValueCodec, nested)).toThrow('Nest it less deeply.');
  expect(roundTrip(jsonValueCodec, (nested as unknown[])[0])).toEqual((nested as unknown[])[0]);
});
