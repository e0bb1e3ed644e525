import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../../src/base/byte-ranges.ts';
import { VARINT_BYTES_MAX, writeVarint } from '../../src/base/varint.ts';
import { SortMemory } from '../../src/map/sort-memory.ts';

const ARENA_BYTES = 4 << 20;
const PARTITIONS = 3;
const memories = [
  { name: 'the kernel', memory: new SortMemory(ARENA_BYTES) },
  { name: 'its twin in JavaScript', memory: new SortMemory(ARENA_BYTES, false) },
];

interface Emitted {
  readonly key: Uint8Array;
  readonly valueBytes: number;
  readonly partition: number;
}

function encoded({ key, valueBytes }: Emitted, index: number): Buffer {
  const header = Buffer.alloc(2 * VARINT_BYTES_MAX);
  const end = writeVarint(valueBytes, header, writeVarint(key.length + 1, header, 0));
  return Buffer.concat([header.subarray(0, end), key, Buffer.alloc(valueBytes, index)]);
}

/** Writes the records into the arena. Returns where each starts, and where the last one ends. */
function layOut(memory: SortMemory, emitted: readonly Emitted[]): { starts: number[]; arenaBytes: number } {
  const starts: number[] = [];
  let at = 0;
  for (const [index, emit] of emitted.entries()) {
    starts.push(at);
    memory.offsets[index] = at;
    memory.partitions[index] = emit.partition;
    at += encoded(emit, index).copy(memory.arena, at);
  }
  return { starts, arenaBytes: at };
}

/** The naive oracle: the records of a partition in order. Array.sort is stable. */
function sortedNaively(emitted: readonly Emitted[], partition: number): number[] {
  return emitted
    .map((_, index) => index)
    .filter((index) => emitted[index]!.partition === partition)
    .sort((a, b) => Buffer.compare(emitted[a]!.key, emitted[b]!.key));
}

/** The payloads of the blocks that RunWriter.append() would write. */
function blocksNaively(
  emitted: readonly Emitted[],
  order: readonly number[],
  { blockBytes, roomBytes }: { blockBytes: number; roomBytes: number },
): Buffer[] {
  const blocks: Buffer[] = [];
  let block = Buffer.alloc(0);
  let last: Uint8Array | undefined;
  for (const index of order) {
    const { key, valueBytes } = emitted[index]!;
    if (block.length + key.length + valueBytes + 2 * VARINT_BYTES_MAX > roomBytes) {
      blocks.push(block);
      block = Buffer.alloc(0);
      last = undefined;
    }
    const whole = encoded(emitted[index]!, index);
    const isSame = last !== undefined && equalBytes(last, 0, last.length, key, 0, key.length);
    const value = Buffer.alloc(valueBytes, index);
    const length = Buffer.alloc(VARINT_BYTES_MAX);
    const lengthBytes = writeVarint(valueBytes, length, 0);
    block = Buffer.concat(
      isSame ? [block, Buffer.of(0), length.subarray(0, lengthBytes), value] : [block, whole],
    );
    last = key;
    if (block.length < blockBytes) continue;
    blocks.push(block);
    block = Buffer.alloc(0);
    last = undefined;
  }
  return block.length === 0 ? blocks : [...blocks, block];
}

function expectSorted(memory: SortMemory, emitted: readonly Emitted[], blockBytes = 300): void {
  const { starts, arenaBytes } = layOut(memory, emitted);
  const room = { blockBytes, roomBytes: blockBytes + 4_096 };

  const { offsets, ends } = memory.group(emitted.length, { arenaBytes, partitions: PARTITIONS });

  let start = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const end = ends[partition]!;
    memory.sort(start, end);
    const order = sortedNaively(emitted, partition);
    expect([...offsets.subarray(start, end)]).toEqual(order.map((index) => starts[index]));
    const blocks: Buffer[] = [];
    for (let at = start; at < end; ) {
      const { payload, records } = memory.gather(at, end, room);
      expect(records).toBeGreaterThan(0);
      blocks.push(Buffer.from(payload));
      at += records;
    }
    expect(blocks.map((block) => block.toString('hex'))).toEqual(
      blocksNaively(emitted, order, room).map((block) => block.toString('hex')),
    );
    start = end;
  }
}

const key = fc.oneof(
  fc.uint8Array({ maxLength: 4 }),
  fc.uint8Array({ maxLength: 20 }),
  // Zeros look like the end of a key.
  fc.array(fc.constantFrom(0, 0, 0, 1, 0xff), { maxLength: 20 }).map((bytes) => Uint8Array.from(bytes)),
  fc
    .tuple(fc.integer({ min: 120, max: 140 }), fc.uint8Array({ maxLength: 3 }))
    .map(([length, tail]) => Buffer.concat([Buffer.alloc(length, 0x61), tail])),
);
const emittedOf = (keys: fc.Arbitrary<Uint8Array>) =>
  fc.array(
    fc.record({
      key: keys,
      valueBytes: fc.oneof(fc.nat(20), fc.integer({ min: 120, max: 135 }), fc.constant(2_000)),
      partition: fc.oneof({ weight: 5, arbitrary: fc.constant(1) }, fc.nat(PARTITIONS - 1)),
    }),
    { maxLength: 120, size: 'max' },
  );

/** A separate generator, because fast-check is too slow for thousands of records per case. */
function randomOf(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}

describe.each(memories)('$name', ({ memory }) => {
  it('groups, sorts and gathers any records', () => {
    fc.assert(
      fc.property(emittedOf(key), (emitted) => expectSorted(memory, emitted)),
      { numRuns: 400 },
    );
  });

  it('sorts keys that share a prefix of any length, and of which some end in it', () => {
    const tail = fc.array(fc.constantFrom(0, 0x61, 0x62), { maxLength: 9 });
    const keys = fc.tuple(fc.constantFrom(0, 1, 7, 8, 9, 31), tail).map(([sharedBytes, bytes]) => {
      return Buffer.concat([Buffer.alloc(sharedBytes, 0x61), Uint8Array.from(bytes)]);
    });
    fc.assert(
      fc.property(emittedOf(keys), (emitted) => expectSorted(memory, emitted)),
      { numRuns: 400 },
    );
  });

  it.each([
    { what: 'random bytes', symbols: 256, lengths: 12 },
    { what: 'letters', symbols: 26, lengths: 12 },
    { what: 'two symbols', symbols: 2, lengths: 40 },
    { what: 'few keys', symbols: 1, lengths: 30 },
  ])('sorts thousands of keys: $what', ({ symbols, lengths }) => {
    for (const seed of [1, 2, 3]) {
      const random = randomOf(seed);
      const emitted = Array.from({ length: 6_000 }, () => ({
        key: Uint8Array.from({ length: random(lengths) }, () =>
          symbols === 256 ? random(256) : 0x61 + random(symbols),
        ),
        valueBytes: random(10),
        partition: random(20) === 0 ? 0 : 2,
      }));

      expectSorted(memory, emitted, 2_000);
    }
  });

  it('sorts keys of zeros that end where longer ones agree', () => {
    const lengths = Array.from({ length: 90 }, (_, i) => i % 3);
    const keys = [...lengths.map((length) => Buffer.alloc(length)), Buffer.from(`${'\0'.repeat(6)}abcdefgh`)];
    const emitted = keys.map((key) => ({ key, valueBytes: 1, partition: 1 }));

    expectSorted(memory, emitted);
  });

  it('makes more copies than can wait, from several blocks, and no byte beyond them', () => {
    const blocks = [Buffer.alloc(500, 'first'), Buffer.alloc(700, 'other')];
    memory.arena.fill(0, 0, 200_000);
    const expected = Buffer.alloc(200_000);
    let at = 0;

    for (let i = 0; i < 5_000; i++) {
      const block = blocks[Math.floor(i / 1_500) % 2]!;
      const [start, end] = [i % 400, (i % 400) + ((i * 7) % 60)];
      memory.copyLater(at, block, start, end);
      block.copy(expected, at, start, end);
      at += end - start + (i % 3);
    }
    memory.group(0, { arenaBytes: at, partitions: PARTITIONS });

    expect(at).toBeLessThan(200_000);
    expect(memory.arena.subarray(0, 200_000).equals(expected)).toBe(true);
  });

  it('gathers nothing if the first record does not fit', () => {
    layOut(memory, [{ key: Buffer.from('k'), valueBytes: 5_000, partition: 0 }]);
    memory.group(1, { arenaBytes: 5_004, partitions: PARTITIONS });

    const { payload, records } = memory.gather(0, 1, { blockBytes: 100, roomBytes: 4_196 });

    expect([payload.length, records]).toEqual([0, 0]);
  });
});
