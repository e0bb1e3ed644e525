import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMapReduceError } from '../../src/base/errors.ts';
import { readPartitionSegments, shuffleIndexBytes } from '../../src/shuffle/shuffle-index.ts';
import { FileStore } from '../../src/storage/file/file-store.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { scratchFolder } from '../commit/environment.ts';
import { encodeShuffleIndex, type ObjectWithExtents } from './encode-shuffle-index.ts';

const extent = fc.record({
  startBytes: fc.nat(2 ** 31 - 1).map((n) => n * 1_000),
  lengthBytes: fc.oneof(fc.constant(0), fc.nat(10_000)),
  records: fc.nat(100_000),
});

const objects = fc.integer({ min: 1, max: 5 }).chain((partitions) =>
  fc.record({
    partitions: fc.constant(partitions),
    objects: fc.array(
      fc.record({
        key: fc.string({ maxLength: 10, unit: 'grapheme' }),
        etag: fc.string({ maxLength: 10 }),
        extents: fc.array(extent, { minLength: partitions, maxLength: partitions }),
      }),
      { maxLength: 6 },
    ),
  }),
);

async function read(store: ObjectStore, partition: number): Promise<unknown[]> {
  const segments = await readPartitionSegments(store, 'index', partition);
  return segments.map(({ store: _store, ...segment }) => segment);
}

/** The oracle. */
function segmentsOf(indexed: readonly ObjectWithExtents[], partition: number): unknown[] {
  return indexed
    .filter(({ extents }) => extents[partition]!.lengthBytes > 0)
    .map(({ key, etag, extents }) => ({
      key,
      etag,
      startBytes: extents[partition]!.startBytes,
      endBytes: extents[partition]!.startBytes + extents[partition]!.lengthBytes,
      records: extents[partition]!.records,
    }));
}

const SAMPLE: readonly ObjectWithExtents[] = ['shuffle/m-00000', 'shuffle/m-00001', 'shuffle/m-00002'].map(
  (key, map) => ({
    key,
    etag: `v${map}`,
    extents: [0, 1].map((partition) => ({
      startBytes: 8 + 100 * map + 10 * partition,
      lengthBytes: map === 1 && partition === 0 ? 0 : 10 + partition,
      records: map === 1 && partition === 0 ? 0 : 1 + map,
    })),
  }),
);

describe('the shuffle index', () => {
  it("lists the ranges of each reducer's records in the order of the map tasks", async () => {
    await fc.assert(
      fc.asyncProperty(objects, async ({ objects, partitions }) => {
        const store = new MemoryStore();

        await store.put('index', encodeShuffleIndex(objects, partitions));

        for (let partition = 0; partition < partitions; partition++) {
          expect(await read(store, partition)).toEqual(segmentsOf(objects, partition));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('has the size that shuffleIndexBytes() returns', () => {
    const names = JSON.stringify(SAMPLE.map(({ key, etag }) => [key, etag]));

    const bytes = encodeShuffleIndex(SAMPLE, 2);

    expect(bytes).toHaveLength(shuffleIndexBytes({ maps: 3, partitions: 2 }) + names.length);
  });

  it('fails for a partition that does not exist', async () => {
    const store = new MemoryStore();
    await store.put('index', encodeShuffleIndex(SAMPLE, 2));

    await expect(read(store, 2)).rejects.toThrow(
      'index is damaged: it has 2 partitions, so it has no partition 2',
    );
  });

  it('with any flipped bit gives a CorruptShuffleError or the written segments, on every store', async () => {
    using folder = scratchFolder();
    for (const store of [new MemoryStore(), new FileStore({ root: folder.path })]) {
      const bytes = encodeShuffleIndex(SAMPLE, 2);
      const step = store instanceof FileStore ? 7 : 1;
      const unnoticed: number[] = [];
      for (let bit = 0; bit < 8 * bytes.length; bit += step) {
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        await store.put('index', bytes);
        bytes[bit >> 3]! ^= 1 << (bit & 7);

        for (const partition of [0, 1]) {
          const found = await outcome(store, partition);
          expect(['whole', 'CorruptShuffleError'], `bit ${bit}, partition ${partition}: ${found}`).toContain(
            found,
          );
          if (found === 'whole') unnoticed.push(bit >> 3);
        }
      }
      // Flips go unnoticed in what the partition does not use: spare bytes, other rows, a larger number of partitions.
      const rowBytes = 4 + 24 * SAMPLE.length;
      const names = (at: number) => at >= 24 && at < bytes.length - 2 * rowBytes;
      expect(unnoticed.some(names)).toBe(false);
    }
  });

  it('truncated anywhere gives a CorruptShuffleError, or the written segments if none is missing', async () => {
    const store = new MemoryStore();
    const bytes = encodeShuffleIndex(SAMPLE, 2);
    const rowBytes = 4 + 24 * SAMPLE.length;
    for (let length = 0; length < bytes.length; length++) {
      await store.put('index', bytes.subarray(0, length));

      const first = await outcome(store, 0);
      const last = await outcome(store, 1);

      expect(first, `${length} bytes`).toBe(
        length >= bytes.length - rowBytes ? 'whole' : 'CorruptShuffleError',
      );
      expect(last, `${length} bytes`).toBe('CorruptShuffleError');
    }
  });
});

async function outcome(store: ObjectStore, partition: number): Promise<string> {
  try {
    const found = await read(store, partition);
    return JSON.stringify(found) === JSON.stringify(segmentsOf(SAMPLE, partition)) ? 'whole' : 'WRONG DATA';
  } catch (error) {
    return isMapReduceError(error) ? error.name : `not ours: ${error}`;
  }
}
