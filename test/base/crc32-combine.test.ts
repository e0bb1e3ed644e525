import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combineCrc32 } from '../../src/base/crc32-combine.ts';

describe('combineCrc32()', () => {
  it('returns the CRC-32 of the concatenation', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(bytes, bytes, (first, second) => {
        const whole = crc32(Buffer.concat([first, second]));

        expect(combineCrc32(crc32(first), crc32(second), second.length)).toBe(whole);
      }),
    );
  });

  it('holds for lengths beyond 32 bits: zeros are appended in one step or in two', () => {
    const zeros = (power: number): number => {
      let crc = crc32(Buffer.alloc(1 << 20));
      for (let doubled = 20; doubled < power; doubled++) crc = combineCrc32(crc, crc, 2 ** doubled);
      return crc;
    };

    expect(combineCrc32(zeros(34), zeros(33), 2 ** 33)).toBe(combineCrc32(zeros(33), zeros(34), 2 ** 34));
  });
});
