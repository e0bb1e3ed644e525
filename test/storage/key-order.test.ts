import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys, sortKeys } from '../../src/storage/key-order.ts';

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

describe('the order of keys', () => {
  it('is that of their UTF-8 bytes', () => {
    fc.assert(
      fc.property(anyText(), anyText(), (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 5000 },
    );
  });

  it('is the same for a whole list, with surrogate pairs and without', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(anyText(), fc.string())), (keys) => {
        const expected = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

        expect(sortKeys([...keys])).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });
});
