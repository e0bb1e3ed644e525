import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareBytes, copyBytes, equalBytes } from '../../src/base/byte-ranges.ts';

/** Bytes of few kinds, so that ranges often agree, in the middle of others. */
const anyRange = fc
  .tuple(fc.nat(3), fc.uint8Array({ max: 2, maxLength: 60 }), fc.nat(3))
  .map(([before, bytes, after]) => ({
    bytes: Buffer.concat([Buffer.alloc(before, 9), bytes, Buffer.alloc(after, 9)]),
    start: before,
    end: before + bytes.length,
  }));

describe('ranges of bytes', () => {
  it('are copied whole and nothing beside them, whatever their length', () => {
    fc.assert(
      fc.property(anyRange, fc.nat(5), fc.boolean(), ({ bytes, start, end }, at, isBuffer) => {
        const target = Buffer.alloc(at + end - start + 2, 7);

        const behind = copyBytes(isBuffer ? bytes : new Uint8Array(bytes), start, end, target, at);

        const copied = Buffer.concat([Buffer.alloc(at, 7), bytes.subarray(start, end), Buffer.alloc(2, 7)]);
        expect(target).toEqual(copied);
        expect(behind).toBe(at + end - start);
      }),
      { numRuns: 2_000 },
    );
  });

  it('compare as Buffer.compare() has it', () => {
    fc.assert(
      fc.property(anyRange, anyRange, (a, b) => {
        const expected = Buffer.compare(a.bytes.subarray(a.start, a.end), b.bytes.subarray(b.start, b.end));

        expect(Math.sign(compareBytes(a.bytes, a.start, a.end, b.bytes, b.start, b.end))).toBe(expected);
        expect(equalBytes(a.bytes, a.start, a.end, b.bytes, b.start, b.end)).toBe(expected === 0);
        expect(equalBytes(a.bytes, a.start, a.end, Buffer.from(a.bytes), a.start, a.end)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });
});
