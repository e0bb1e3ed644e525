import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareUtf8, sortUtf8 } from '../../src/base/utf8-order.ts';

const anyText = () =>
  fc.string({
    unit: fc.constantFrom(
      'a',
      'b',
      '\u{7f}',
      'é',
      '\u{d7ff}',
      '\u{e000}',
      '\u{ffff}',
      '\u{10000}',
      '\u{10ffff}',
    ),
  });

describe('the order of UTF-8', () => {
  it('is that of the bytes', () => {
    fc.assert(
      fc.property(anyText(), anyText(), (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 5000 },
    );
  });

  it('is the same for a whole list, with surrogate pairs and without', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(anyText(), fc.string()), { maxLength: 20 }), (keys) => {
        const expected = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

        expect(sortUtf8([...keys])).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });
});
