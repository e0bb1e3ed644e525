import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesCodec } from '../../src/codec/bytes-codec.ts';
import { type BytesRange, copyOfRange, isBytesRange } from '../../src/codec/bytes-range.ts';
import type { Codec } from '../../src/codec/codec.ts';
import { resolveKeyCodec, resolveValueCodec } from '../../src/codec/resolve.ts';
import { stringCodec } from '../../src/codec/string-codec.ts';
import { encoded, RUNS } from './laws.ts';

/** UTF-8, and bytes that are not, with other bytes around them. */
const range: fc.Arbitrary<BytesRange> = fc
  .tuple(
    fc.uint8Array({ maxLength: 5 }),
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text)),
      fc
        .array(fc.constantFrom(0, 0x61, 0x7f, 0xc3, 0xa9), { maxLength: 14 })
        .map((bytes) => Buffer.from(bytes)),
    ),
    fc.uint8Array({ maxLength: 5 }),
  )
  .map(([before, bytes, after]) => ({
    bytes: Buffer.concat([before, bytes, after]),
    start: before.length,
    end: before.length + bytes.length,
  }));

const textOf = ({ bytes, start, end }: BytesRange) => bytes.toString('utf8', start, end);
/** The cast: `emit` takes ranges where the codec's type says text or bytes. */
const asAny = (codec: unknown) => codec as Codec<unknown>;

describe('a range of bytes', () => {
  test('is encoded as its text is', () => {
    fc.assert(
      fc.property(range, (value) => {
        expect(encoded(asAny(stringCodec), value)).toEqual(encoded(stringCodec, textOf(value)));
      }),
      RUNS,
    );
  });

  test('is encoded as its bytes are', () => {
    fc.assert(
      fc.property(range, (value) => {
        const bytes = value.bytes.subarray(value.start, value.end);
        expect(encoded(asAny(bytesCodec), value)).toEqual(encoded(bytesCodec, bytes));
      }),
      RUNS,
    );
  });

  test('is encoded the same as a part of a tuple', () => {
    const types = ['string', 'bytes', 'number', 'string'];
    for (const codec of [resolveKeyCodec(types), resolveValueCodec(types)]) {
      fc.assert(
        fc.property(range, range, range, (a, b, c) => {
          expect(encoded(codec, [a, b, 7, c])).toEqual(
            encoded(codec, [textOf(a), b.bytes.subarray(b.start, b.end), 7, textOf(c)]),
          );
        }),
        RUNS,
      );
    }
  });

  test('has a copy that later changes leave alone', () => {
    const bytes = Buffer.from('one two');
    const copy = copyOfRange({ bytes, start: 4, end: 7 });

    bytes.fill(0);

    expect(textOf(copy)).toBe('two');
  });

  test.each([
    ['with an end beyond the bytes', { bytes: Buffer.from('ab'), start: 0, end: 3 }],
    ['with a negative start', { bytes: Buffer.from('ab'), start: -1, end: 1 }],
    ['that ends before it starts', { bytes: Buffer.from('ab'), start: 2, end: 1 }],
    ['with a fraction', { bytes: Buffer.from('ab'), start: 0.5, end: 1 }],
    ['with no number', { bytes: Buffer.from('ab'), start: Number.NaN, end: 1 }],
    ['without an end', { bytes: Buffer.from('ab'), start: 0 }],
    ['of an array', { bytes: [0x61], start: 0, end: 1 }],
  ])('%s is refused', (_which, value) => {
    expect(isBytesRange(value)).toBe(false);
    for (const codec of [stringCodec, bytesCodec]) {
      expect(() => encoded(asAny(codec), value)).toThrow('a range of bytes ({ bytes, start, end })');
    }
  });
});
