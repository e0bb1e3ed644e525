import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashKey, partitionOfHash } from '../../src/map/key-hash.ts';

function hashOf(text: string): number {
  const bytes = Buffer.from(text);
  return hashKey(bytes, 0, bytes.length) >>> 0;
}

/** A second implementation of the two published algorithms, in unbounded integers. */
function oracle(bytes: Uint8Array): number {
  const word = 0xffff_ffffn;
  let hash = 0x811c_9dc5n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x0100_0193n) & word;
  hash ^= hash >> 16n;
  hash = (hash * 0x85eb_ca6bn) & word;
  hash ^= hash >> 13n;
  hash = (hash * 0xc2b2_ae35n) & word;
  hash ^= hash >> 16n;
  return Number(hash);
}

describe('hashKey()', () => {
  // Users see which part contains a key, so these numbers must never change.
  it.each([
    ['', 0xab3e7c0b],
    ['a', 0x1a80b1b3],
    ['the', 0xc50749f8],
    ['foobar', 0x0c0da6dc],
    ['naïve', 0xcda90f3a],
  ])('gives %j the same hash as earlier versions', (text, expected) => {
    expect(hashOf(text)).toBe(expected);
  });

  it('is FNV-1a, finished by fmix32', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(5), (bytes, before) => {
        const surrounded = Buffer.concat([Buffer.alloc(before, 7), bytes, Buffer.alloc(3, 9)]);

        const hash = hashKey(surrounded, before, before + bytes.length);

        expect(hash >>> 0).toBe(oracle(bytes));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('partitionOfHash()', () => {
  it('divides the range of the hash evenly, and returns a whole number below the number of partitions', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 10_000 }), (hash, partitions) => {
        const partition = partitionOfHash(hash, partitions);

        expect(partition).toBe(Number((BigInt(hash >>> 0) * BigInt(partitions)) >> 32n));
        expect(partition).toBeLessThan(partitions);
      }),
      { numRuns: 1_000 },
    );
  });

  it('maps the lowest hash to the first partition and the highest to the last', () => {
    for (const partitions of [1, 2, 3, 10_000]) {
      expect(partitionOfHash(0, partitions)).toBe(0);
      expect(partitionOfHash(-1, partitions)).toBe(partitions - 1);
    }
  });

  it.each([
    ['numbers', (i: number) => String(i)],
    ['words with a long common start', (i: number) => `https://example.com/items/${i}`],
    ['single bytes of a counter', (i: number) => String.fromCharCode(i & 0x7f, (i >> 7) & 0x7f, i >> 14)],
  ])('spreads %s evenly', (_what, keyOf) => {
    for (const partitions of [2, 7, 64]) {
      const counts = new Array<number>(partitions).fill(0);
      const keys = 20_000;

      for (let i = 0; i < keys; i++) counts[partitionOfHash(hashOf(keyOf(i)), partitions)]!++;

      // For a uniform distribution, chi squared has mean p - 1 and variance 2 (p - 1).
      const mean = keys / partitions;
      const chi = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
      expect(chi).toBeLessThan(partitions - 1 + 6 * Math.sqrt(2 * (partitions - 1)) + 6);
    }
  });
});
