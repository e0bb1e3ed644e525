import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GroupKey } from '../../src/shuffle/group-key.ts';
import { openMerge } from '../../src/shuffle/open-runs.ts';
import { keyPrefix } from '../../src/shuffle/run-cursor.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import {
  anyCompression,
  anyKey,
  anyRecords,
  type KeyValue,
  printed,
  readMerged,
  sortedRecords,
  storeRun,
} from './records.ts';

/** The naive oracle: concatenates all runs and sorts them stably. */
function mergedNaively(runs: readonly (readonly KeyValue[])[]): string[] {
  return printed(sortedRecords(runs.flat()));
}

describe('KWayMerge', () => {
  it('merges up to 40 runs by key, and equal keys in the order of the runs', async () => {
    const runs = fc.array(
      anyRecords.map((records) => sortedRecords(records.slice(0, 10))),
      { minLength: 1, maxLength: 40, size: 'max' },
    );
    await fc.assert(
      fc.asyncProperty(
        runs,
        anyCompression,
        fc.record({
          blockBytes: fc.integer({ min: 1, max: 300 }),
          chunkBytes: fc.integer({ min: 1, max: 500 }),
        }),
        async (runs, compression, { blockBytes, chunkBytes }) => {
          const store = new MemoryStore();
          const segments = await Promise.all(
            runs.map(
              async (run, i) => (await storeRun(store, `run${i}`, [run], { compression, blockBytes }))[0]!,
            ),
          );

          const merged = await readMerged(segments, chunkBytes);

          expect(printed(merged)).toEqual(mergedNaively(runs));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it.each([1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100])(
    'keeps the order of %i runs that all hold the same key',
    async (count) => {
      const store = new MemoryStore();
      const runs = Array.from({ length: count }, (_, run) =>
        Array.from({ length: 5 }, (_, i) => ({
          key: Buffer.from('same'),
          value: Buffer.from(`${run}.${i}`),
        })),
      );
      const segments = await Promise.all(
        runs.map(async (run, i) => (await storeRun(store, `run${i}`, [run], { blockBytes: 20 }))[0]!),
      );

      expect(printed(await readMerged(segments))).toEqual(printed(runs.flat()));
    },
  );

  it('reports its end again if it is asked again', async () => {
    const segments = await storeRun(new MemoryStore(), 'run', [
      [{ key: Buffer.from('k'), value: Buffer.alloc(0) }],
    ]);
    const merge = openMerge(segments, 64);

    const answers = [await merge.ready(), merge.next(), await merge.ready(), await merge.ready()];
    await merge.close();

    expect(answers).toEqual([true, false, false, false]);
  });

  it('closes the streams of all runs, even those it has not read to their end', async () => {
    const store = new MemoryStore();
    const open = new Set<string>();
    const watched = Object.assign(Object.create(store) as MemoryStore, {
      async *stream(...args: Parameters<MemoryStore['stream']>) {
        open.add(args[0]);
        try {
          yield* store.stream(...args);
        } finally {
          open.delete(args[0]);
        }
      },
    });
    const records = Array.from({ length: 100 }, (_, i) => ({
      key: Buffer.from(String(100 + i)),
      value: Buffer.alloc(9),
    }));
    const segments = await Promise.all(
      ['a', 'b', 'c'].map(async (key) => ({
        ...(await storeRun(store, key, [records]))[0]!,
        store: watched,
      })),
    );
    const merge = openMerge(segments, 10);

    await merge.ready();
    const whileReading = open.size;
    await merge.close();

    expect(whileReading).toBe(3);
    expect(open.size).toBe(0);
  });
});

describe('the prefix of a key', () => {
  it('never contradicts the order of the keys', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        const difference = keyPrefix(a, 0, a.length) - keyPrefix(b, 0, b.length);

        if (difference !== 0) expect(Math.sign(difference)).toBe(Buffer.compare(a, b));
      }),
      { numRuns: 5_000 },
    );
  });

  it('is exact and below infinity for the largest key', () => {
    expect(keyPrefix(Buffer.alloc(9, 0xff), 0, 9)).toBe(2 ** 48 - 1);
    expect(keyPrefix(Buffer.alloc(6, 0xff), 0, 6)).toBe(2 ** 48 - 1);
    expect(keyPrefix(Buffer.from([1, 2]), 0, 2)).toBe(0x0102_0000_0000);
    expect(keyPrefix(Buffer.alloc(0), 0, 0)).toBe(0);
  });
});

describe('GroupKey', () => {
  it('distinguishes groups in different blocks, and holds a key of any length', async () => {
    const keys = ['', '\0', '\0\0', 'a', 'a\0', 'abcdef', 'abcdef\0', 'abcdefg', 'x'.repeat(10_000)];
    const records = keys.flatMap((key) => [
      { key: Buffer.from(key), value: Buffer.from('1') },
      { key: Buffer.from(key), value: Buffer.from('2') },
    ]);
    const segments = await storeRun(new MemoryStore(), 'run', [records], { blockBytes: 1 });
    const merge = openMerge(segments, 64);
    const group = new GroupKey();
    const groups: string[] = [];

    let started = false;
    while (await merge.ready()) {
      do {
        if (started && group.holds(merge.current)) continue;
        group.take(merge.current);
        started = true;
        groups.push(group.bytes.toString('utf8', 0, group.end));
      } while (merge.next());
    }
    await merge.close();

    expect(groups).toEqual(keys);
  });
});
