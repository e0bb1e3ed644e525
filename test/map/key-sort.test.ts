import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeVarint } from '../../src/base/varint.ts';
import { compareKeysAt, KeySorter, keyLengthAt, keyStartAt } from '../../src/map/key-sort.ts';

const RUNS = { numRuns: 1_000 };

/** Writes records into an arena: some other bytes first, then keys with values of any length between them. */
function layOut(keys: readonly Uint8Array[], valueBytes: (index: number) => number = () => 0) {
  const pieces: Buffer[] = [Buffer.from([0xff, 0x80, 0])];
  const offsets = new Uint32Array(keys.length);
  let at = pieces[0]!.length;
  for (const [index, key] of keys.entries()) {
    const header = Buffer.alloc(10);
    const value = Buffer.alloc(valueBytes(index), 0xee);
    const end = writeVarint(value.length, header, writeVarint(key.length + 1, header, 0));
    offsets[index] = at;
    pieces.push(header.subarray(0, end), Buffer.from(key), value);
    at += end + key.length + value.length;
  }
  return { arena: Buffer.concat(pieces), offsets };
}

/** The naive oracle. Array.sort is stable. */
function sortedIndexes(keys: readonly Uint8Array[]): number[] {
  return keys.map((_, index) => index).sort((a, b) => Buffer.compare(keys[a]!, keys[b]!));
}

function expectSorts(keys: readonly Uint8Array[], sorter = new KeySorter()): void {
  const { arena, offsets } = layOut(keys, (index) => [0, 1, 127, 128, 300][index % 5]!);
  const indexOf = new Map([...offsets].map((offset, index) => [offset, index]));

  sorter.sort(arena, offsets, 0, offsets.length);

  expect([...offsets].map((offset) => indexOf.get(offset))).toEqual(sortedIndexes(keys));
}

/** A separate generator, because fast-check is too slow for thousands of records per case. */
function randomOf(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}

const key = fc.oneof(
  fc.uint8Array({ maxLength: 4 }),
  fc.uint8Array({ maxLength: 20 }),
  fc.array(fc.constantFrom(0, 1, 0x61, 0xff), { maxLength: 12 }).map((bytes) => Uint8Array.from(bytes)),
  fc
    .tuple(fc.integer({ min: 120, max: 140 }), fc.uint8Array({ maxLength: 3 }))
    .map(([length, tail]) => Buffer.concat([Buffer.alloc(length, 0x61), tail])),
);

describe('KeySorter', () => {
  it('orders any keys as Buffer.compare does, and keeps the order of equal keys', () => {
    const sorter = new KeySorter();
    fc.assert(
      fc.property(fc.array(key, { maxLength: 60, size: 'max' }), (keys) => expectSorts(keys, sorter)),
      RUNS,
    );
  });

  it('orders keys that share a prefix of any length', () => {
    const sorter = new KeySorter();
    const tail = fc.array(fc.constantFrom(0, 0x61, 0x62), { maxLength: 9 });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 150 }),
        fc.array(tail, { minLength: 20, maxLength: 60, size: 'max' }),
        (prefix, tails) =>
          expectSorts(
            tails.map((bytes) => Buffer.concat([prefix, Uint8Array.from(bytes)])),
            sorter,
          ),
      ),
      RUNS,
    );
  });

  it('orders thousands of keys whatever their alphabet', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.constantFrom(1, 2, 3, 7, 8, 10, 15, 26, 31, 127, 255, 256),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 25, max: 1_500 }),
        (seed, alphabet, lengthMax, count) => {
          const random = randomOf(seed);
          // Spread over all byte values, so that the order of the symbols does not match their numbers by chance.
          const symbols = Array.from({ length: alphabet }, (_, i) => Math.floor((i * 256) / alphabet));
          const keys = Array.from({ length: count }, () =>
            Uint8Array.from({ length: random(lengthMax + 1) }, () => symbols[random(alphabet)]!),
          );

          const { arena, offsets } = layOut(keys);
          const expected = sortedIndexes(keys).map((index) => offsets[index]);
          new KeySorter().sort(arena, offsets, 0, count);

          expect(Buffer.from(offsets.buffer).equals(Buffer.from(Uint32Array.from(expected).buffer))).toBe(
            true,
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('distinguishes keys that differ only in trailing zeros', () => {
    const keys = Array.from({ length: 100 }, (_, i) => Buffer.alloc((i * 37) % 50));

    expectSorts(keys);
    expectSorts(keys.map((zeros) => Buffer.concat([Buffer.from('key'), zeros])));
  });

  it('keeps the order of many equal keys, short and long', () => {
    for (const length of [0, 1, 126, 127, 128, 20_000]) {
      expectSorts(Array.from({ length: 200 }, (_, i) => Buffer.alloc(length, i % 3 === 0 ? 0x61 : 0x62)));
      expectSorts(Array.from({ length: 200 }, () => Buffer.alloc(length, 0x61)));
    }
  });

  it('sorts keys of which each extends the one before by one byte', () => {
    expectSorts(Array.from({ length: 3_000 }, (_, i) => Buffer.alloc((i * 1_999) % 3_000, 0x61)));
  });

  it('orders all single bytes and all pairs of bytes', () => {
    const singles = Array.from({ length: 256 }, (_, i) => Uint8Array.of((i * 89) & 0xff));
    const pairs = Array.from({ length: 65_536 }, (_, i) => {
      const mixed = (i * 40_503) & 0xffff;
      return Uint8Array.of(mixed >> 8, mixed & 0xff);
    });

    expectSorts([...singles, new Uint8Array(0)]);
    const { arena, offsets } = layOut(pairs);
    new KeySorter().sort(arena, offsets, 0, offsets.length);

    const values = [...offsets].map((offset) => arena.readUInt16BE(keyStartAt(arena, offset)));
    expect(values).toEqual(values.map((_, i) => i));
  });

  it('sorts the given range and leaves the rest unchanged', () => {
    fc.assert(
      fc.property(
        fc.array(key, { minLength: 30, maxLength: 90, size: 'max' }),
        fc.nat(1_000),
        fc.nat(1_000),
        (keys, a, b) => {
          const places = [a % keys.length, b % keys.length] as const;
          const [start, end] = [Math.min(...places), Math.max(...places)];
          const { arena, offsets } = layOut(keys);
          const before = [...offsets];
          const inside = sortedIndexes(keys.slice(start, end)).map((index) => before[start + index]!);

          new KeySorter().sort(arena, offsets, start, end);

          expect([...offsets]).toEqual([...before.slice(0, start), ...inside, ...before.slice(end)]);
        },
      ),
      RUNS,
    );
  });

  it('locates the key, whatever the lengths of key and value', () => {
    for (const keyBytes of [0, 1, 125, 126, 127, 128, 16_382, 16_383, 16_384]) {
      for (const valueBytes of [0, 127, 128, 20_000]) {
        const { arena, offsets } = layOut([Buffer.alloc(keyBytes, 0x6b)], () => valueBytes);

        const start = keyStartAt(arena, offsets[0]!);
        const length = keyLengthAt(arena, offsets[0]!);

        expect(length).toBe(keyBytes);
        expect(arena.subarray(start, start + length).equals(Buffer.alloc(keyBytes, 0x6b))).toBe(true);
        expect(arena.length - start - length).toBe(valueBytes);
      }
    }
  });
});

describe('compareKeysAt()', () => {
  it('agrees with Buffer.compare', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        const { arena, offsets } = layOut([a, b]);

        const order = compareKeysAt(arena, offsets[0]!, offsets[1]!, 0);

        expect(Math.sign(order)).toBe(Buffer.compare(a, b));
      }),
      RUNS,
    );
  });
});

describe('a sort of many records', () => {
  const many = Array.from({ length: 250_000 }, (_, i) => Buffer.from(`key ${(i * 7919) % 250_007}`));

  it('calls onStep between its passes', () => {
    const { arena, offsets } = layOut(many);
    let steps = 0;

    new KeySorter().sort(arena, offsets, 0, offsets.length, () => steps++);

    expect(steps).toBeGreaterThan(3);
  });

  it('stops if onStep throws, and the sorter can be used again', () => {
    const sorter = new KeySorter();
    const { arena, offsets } = layOut(many);
    let steps = 0;
    const stopping = () => {
      if (++steps === 3) throw new Error('stop');
    };

    expect(() => sorter.sort(arena, offsets, 0, offsets.length, stopping)).toThrow('stop');

    expectSorts(many.slice(0, 1000), sorter);
  });
});

it('sorts keys that are prefixes of each other, however long they are', () => {
  const sorted = Array.from({ length: 1_200 }, (_, i) => Buffer.alloc(8 * i, 'a'));

  expectSorts(sorted.map((_, i) => sorted[(i * 7) % sorted.length]!));
});
