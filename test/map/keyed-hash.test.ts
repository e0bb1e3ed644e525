import { describe, expect, it } from 'vitest';
import { hashKey } from '../../src/map/key-hash.ts';
import { KeyedHash } from '../../src/map/keyed-hash.ts';
import { longCollidingKeys } from './crafted-keys.ts';

const keyOf = (number: number): Buffer => {
  const key = Buffer.alloc(8);
  key.writeUInt32LE(number);
  return key;
};

const keys = longCollidingKeys(4096).map((text) => Buffer.from(text));

describe('KeyedHash', () => {
  it('depends on the secret, the content and the length', () => {
    const hash = new KeyedHash(keyOf(1));
    const bytes = Buffer.from('..some bytes...');

    expect(hash.ofBytes(bytes, 2, 12)).toBe(
      new KeyedHash(keyOf(1)).ofBytes(Buffer.from('some bytes'), 0, 10),
    );
    expect(hash.ofBytes(bytes, 2, 12)).not.toBe(new KeyedHash(keyOf(2)).ofBytes(bytes, 2, 12));
    expect(hash.ofBytes(Buffer.from('a'), 0, 1)).not.toBe(hash.ofBytes(Buffer.from('a\0'), 0, 2));
    expect(hash.ofWords(0x61, 0, 0, 1)).not.toBe(hash.ofWords(0x61, 0, 0, 2));
  });

  it('draws a new secret each time', () => {
    const bytes = Buffer.from('some bytes');
    const hashes = Array.from({ length: 20 }, () => new KeyedHash().ofBytes(bytes, 0, bytes.length));

    expect(new Set(hashes).size).toBeGreaterThan(15);
  });

  it.each([1, 2, 3])('spreads keys that collide in hashKey() (secret %i)', (key) => {
    expect(new Set(keys.map((bytes) => hashKey(bytes, 0, bytes.length))).size).toBe(1);
    const hash = new KeyedHash(keyOf(key));

    const hashes = keys.map((bytes) => hash.ofBytes(bytes, 0, bytes.length));

    expect(new Set(hashes).size).toBeGreaterThan(4090);
    // The low bits choose the slot. 4096 random balls fill about 63 % of 4096 bins.
    expect(new Set(hashes.map((value) => value & 4095)).size).toBeGreaterThan(2400);
  });
});
