import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readVarint, VARINT_BYTES_MAX, varintEnd, writeVarint } from '../../src/base/varint.ts';
import { RUNS } from '../codec/laws.ts';

test('a length is decoded unchanged, and its end is found', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.nat(), fc.nat(300), fc.constantFrom(127, 128, 16_383, 16_384, 2 ** 31 - 1)),
      (value) => {
        const bytes = Buffer.alloc(3 + VARINT_BYTES_MAX, 0xff);

        const end = writeVarint(value, bytes, 3);

        expect(readVarint(bytes, 3)).toBe(value);
        expect(varintEnd(bytes, 3)).toBe(end);
      },
    ),
    RUNS,
  );
});
