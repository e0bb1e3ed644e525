/** Laws of all codecs, checked on generated values. fast-check prints the seed of a failure. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Codec, KeyCodec } from '../../src/codec/codec.ts';
import { MovingSink } from './moving-sink.ts';

export const RUNS = { numRuns: 1_000 };

export function encoded<T>(codec: Codec<T>, value: T): Buffer {
  const sink = new MovingSink();
  codec.encode(value, sink);
  return sink.taken();
}

/** Decodes from the middle of a larger buffer, as the engine does. */
export function roundTrip<T>(codec: Codec<T>, value: T): T {
  const bytes = encoded(codec, value);
  const surrounded = Buffer.concat([Buffer.from([0, 1, 0xff]), bytes, Buffer.from([0xff, 0, 0, 7])]);
  const decoded = codec.decode(surrounded, 3, 3 + bytes.length);
  surrounded.fill(0x55);
  return decoded;
}

export function expectRoundTrips<T>(codec: Codec<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      expect(roundTrip(codec, value)).toEqual(value);
    }),
    RUNS,
  );
}

/** Encoded bytes must compare as the values do with a naive comparator; equal values must give equal bytes. */
export function expectKeepsOrder<T>(
  codec: KeyCodec<T>,
  values: fc.Arbitrary<T>,
  compare: (a: T, b: T) => number,
): void {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const byBytes = Buffer.compare(encoded(codec, a), encoded(codec, b));
      expect(byBytes).toBe(Math.sign(compare(a, b)));
    }),
    RUNS,
  );
}

/** Compares by code point, naively. */
export function compareText(a: string, b: string): number {
  const x = [...a].map((character) => character.codePointAt(0) ?? 0);
  const y = [...b].map((character) => character.codePointAt(0) ?? 0);
  return compareLists(x, y, (i, j) => i - j);
}

export function compareLists<T>(a: readonly T[], b: readonly T[], compare: (x: T, y: T) => number): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compare(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

export function compareNumbers(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Texts that are likely to break codecs: short ASCII, with zeros, of several planes, long. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 16 }),
  fc.string({ unit: fc.constantFrom('\0', '\x01', 'a', '\x7f', 'é', '\uffff', '\u{10000}'), maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ minLength: 10, maxLength: 200 }),
);

/** Any double; integers, powers of two and their neighbours are more frequent. */
export const anyNumber: fc.Arbitrary<number> = fc.oneof(
  fc.double(),
  fc.integer({ min: -300, max: 300 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc
    .record({
      exponent: fc.integer({ min: 0, max: 54 }),
      offset: fc.integer({ min: -2, max: 2 }),
      sign: fc.constantFrom(1, -1),
    })
    .map(({ exponent, offset, sign }) => sign * (2 ** exponent + offset)),
);

/** Numbers that can be keys; -0 is stored as 0. */
export const anyKeyNumber: fc.Arbitrary<number> = anyNumber
  .filter((value) => !Number.isNaN(value))
  .map((value) => value + 0);

export const anyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.array(fc.constantFrom(0, 1, 0xff), { maxLength: 6 }).map((bytes) => Uint8Array.from(bytes)),
);
