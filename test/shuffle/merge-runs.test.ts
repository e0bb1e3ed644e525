import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MapReduceError } from '../../src/base/errors.ts';
import { KiB, LIMITS, MiB } from '../../src/base/limits.ts';
import { stringCodec } from '../../src/codec/string-codec.ts';
import type { Folding } from '../../src/fold/fold.ts';
import { createFold } from '../../src/fold/value-fold.ts';
import { LocalRun } from '../../src/shuffle/local-run.ts';
import { mergeInto, reduceRunCount } from '../../src/shuffle/merge-runs.ts';
import { blockBytesOf, openRunsBudget } from '../../src/shuffle/open-runs.ts';
import { RunWriter } from '../../src/shuffle/run-writer.ts';
import { ShuffleObjectWriter } from '../../src/shuffle/shuffle-object.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { StreamOptions } from '../../src/storage/object-store.ts';
import { folderOfFile } from '../helpers/temporary-folder.ts';
import {
  anyCompression,
  anyKey,
  append,
  type KeyValue,
  NO_CONTROL,
  printed,
  readMerged,
  sortedRecords,
  storeRun,
} from './records.ts';

const folder = folderOfFile('merge-runs');

/** It is associative but not commutative, so the result shows the order in which values were folded. */
function concatenation(): Folding {
  const shuffle = {
    key: stringCodec,
    value: stringCodec,
    combine: (a, b) => `${a}${b}`,
    partition: undefined,
    reduce: 'combined',
    reducers: undefined,
  } as Parameters<typeof createFold>[0];
  return { fold: createFold(shuffle, { steps: 0 })!, key: stringCodec };
}

function foldedNaively(records: readonly KeyValue[]): string[] {
  const groups = new Map<string, string>();
  for (const { key, value } of sortedRecords(records)) {
    const name = key.toString('hex');
    groups.set(name, `${groups.get(name) ?? ''}${value}`);
  }
  return [...groups].map(([key, value]) => `${key}=${Buffer.from(value).toString('hex')}`);
}

/** Every value is unique, so that any change of order is visible. */
const anyRuns = fc
  .array(fc.array(anyKey, { maxLength: 5, size: 'max' }), { minLength: 1, maxLength: 11, size: 'max' })
  .map((runs) =>
    runs.map((keys, run) =>
      sortedRecords(keys.map((key, i) => ({ key, value: Buffer.from(`${run}.${i} `) }))),
    ),
  );

/** Counts the streams that are open at the same time. */
class CountingStore extends MemoryStore {
  openMax = 0;
  #open = 0;

  override async *stream(key: string, options?: StreamOptions): AsyncIterableIterator<Buffer> {
    this.openMax = Math.max(this.openMax, ++this.#open);
    try {
      yield* super.stream(key, options);
    } finally {
      this.#open--;
    }
  }
}

describe('reduceRunCount()', () => {
  it('leaves no more runs than may be open, with the same records in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyRuns,
        anyCompression,
        fc.integer({ min: 2, max: 5 }),
        fc.boolean(),
        async (runs, compression, runsMax, folds) => {
          const store = new MemoryStore();
          const segments = await Promise.all(
            runs.map(async (run, i) => (await storeRun(store, `run${i}`, [run], { compression }))[0]!),
          );
          let saved = 0;

          const left = await reduceRunCount(segments, {
            budget: { runsMax, chunkBytes: 100 },
            scratch: { folder, compression, blockBytes: 50 },
            folding: folds ? concatenation() : undefined,
            control: NO_CONTROL,
            onMerged: ({ recordsFolded }) => {
              saved += recordsFolded;
            },
          });

          const records = await readMerged(left);
          expect(left.length).toBeLessThanOrEqual(Math.max(runsMax, 1));
          expect(left.length).toBe(Math.min(runsMax, runs.length));
          expect(records.length + saved).toBe(runs.flat().length);
          if (folds) expect(foldedNaively(records)).toEqual(foldedNaively(runs.flat()));
          else expect(printed(records)).toEqual(printed(sortedRecords(runs.flat())));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('never opens more runs at once than allowed', async () => {
    for (const [runs, runsMax] of [
      [3, 2],
      [9, 2],
      [9, 3],
      [40, 5],
      [23, 22],
    ] as const) {
      const store = new CountingStore();
      const segments = await Promise.all(
        Array.from({ length: runs }, async (_, i) => {
          const record = { key: Buffer.from(`${i % 3}`), value: Buffer.from(`${i}`) };
          return (await storeRun(store, `run${i}`, [[record]]))[0]!;
        }),
      );

      const left = await reduceRunCount(segments, {
        budget: { runsMax, chunkBytes: 100 },
        scratch: { folder, compression: { codec: 'none' }, blockBytes: 50 },
        folding: undefined,
        control: NO_CONTROL,
        onMerged: () => {},
      });

      expect(left.length).toBe(runsMax);
      expect(store.openMax).toBeLessThanOrEqual(runsMax);
      expect(store.openMax).toBeGreaterThan(1);
    }
  });

  it('reads no run if the runs are few enough', async () => {
    const segments = await storeRun(new MemoryStore(), 'run', [
      [{ key: Buffer.from('k'), value: Buffer.from('v') }],
    ]);

    const left = await reduceRunCount([segments[0]!, segments[0]!], {
      budget: { runsMax: 2, chunkBytes: 100 },
      scratch: { folder: '/nowhere', compression: { codec: 'none' }, blockBytes: 50 },
      folding: undefined,
      control: NO_CONTROL,
      onMerged: () => expect.unreachable(),
    });

    expect(left).toEqual([segments[0], segments[0]]);
  });

  it('merges no more of a hundred runs than necessary', async () => {
    const store = new MemoryStore();
    const runs = Array.from({ length: 100 }, (_, i) => [
      { key: Buffer.from(`k${i % 7}`), value: Buffer.from(`${i}`) },
    ]);
    const segments = await Promise.all(
      runs.map(async (run, i) => (await storeRun(store, `run${i}`, [run]))[0]!),
    );
    let merged = 0;

    const left = await reduceRunCount(segments, {
      budget: { runsMax: 95, chunkBytes: 100 },
      scratch: { folder, compression: { codec: 'none' }, blockBytes: 50 },
      folding: undefined,
      control: NO_CONTROL,
      onMerged: () => {
        merged++;
      },
    });

    expect(merged).toBe(1);
    expect(left.map(({ records }) => records)).toEqual([6, ...Array<number>(94).fill(1)]);
    expect(printed(await readMerged(left))).toEqual(printed(sortedRecords(runs.flat())));
  });

  it.runIf(process.platform === 'linux')('stops when it is cancelled, and leaves no file open', async () => {
    const store = new MemoryStore();
    const segments = await Promise.all(
      Array.from({ length: 5 }, async (_, i) => {
        return (await storeRun(store, `run${i}`, [[{ key: Buffer.from('k'), value: Buffer.from('v') }]]))[0]!;
      }),
    );
    const openFiles = () => readdirSync('/proc/self/fd').length;
    const before = openFiles();

    const merging = reduceRunCount(segments, {
      budget: { runsMax: 2, chunkBytes: 100 },
      scratch: { folder, compression: { codec: 'none' }, blockBytes: 50 },
      folding: undefined,
      control: {
        check: () => {
          throw new MapReduceError('CancelledError', 'stop');
        },
      },
      onMerged: () => {},
    });

    await expect(merging).rejects.toMatchObject({ name: 'CancelledError' });
    expect(openFiles()).toBe(before);
  });
});

describe('mergeInto()', () => {
  it('folds equal keys across runs and blocks, in the order of the runs', async () => {
    await fc.assert(
      fc.asyncProperty(anyRuns, fc.integer({ min: 1, max: 200 }), async (runs, blockBytes) => {
        const store = new MemoryStore();
        const segments = await Promise.all(
          runs.map(async (run, i) => (await storeRun(store, `run${i}`, [run], { blockBytes }))[0]!),
        );
        const blocks: Buffer[] = [];
        const writer = new RunWriter({
          compression: { codec: 'none' },
          blockBytes,
          emitBlock: (block) => blocks.push(block),
        });
        const sink = { append: writer.append.bind(writer), wantsFlush: true, flush: async () => {} };

        const counts = await mergeInto(sink, segments, {
          folding: concatenation(),
          budget: { runsMax: 50, chunkBytes: 70 },
          control: NO_CONTROL,
        });
        writer.endPartition();

        const { etag } = await store.put('merged', Buffer.concat(blocks));
        const found = await readMerged([
          {
            store,
            key: 'merged',
            etag,
            startBytes: 0,
            endBytes: writer.bytesWritten,
            records: writer.extents[0]!.records,
          },
        ]);
        expect(printed(found)).toEqual(foldedNaively(runs.flat()));
        expect(counts.recordsRead).toBe(runs.flat().length);
        expect(counts.recordsWritten).toBe(found.length);
      }),
      { numRuns: 1_000 },
    );
  });

  it('flushes the sink about every megabyte', async () => {
    const store = new MemoryStore();
    const records = Array.from({ length: 40 }, (_, i) => ({
      key: Buffer.from(String(100 + i)),
      value: Buffer.alloc(100 * KiB, i),
    }));
    const segments = await storeRun(store, 'run', [records], { blockBytes: LIMITS.blockBytes });
    const writer = new ShuffleObjectWriter({
      store,
      key: 'merged',
      compression: { codec: 'none' },
      blockBytes: LIMITS.blockBytes,
    });
    const send = writer.flush.bind(writer);
    const flushedAt = [0];
    writer.flush = () => {
      flushedAt.push(writer.run.bytesWritten);
      return send();
    };

    await mergeInto(writer, segments, {
      folding: undefined,
      budget: { runsMax: 2, chunkBytes: LIMITS.blockBytes },
      control: NO_CONTROL,
    });

    const steps = flushedAt.slice(1).map((bytes, i) => bytes - flushedAt[i]!);
    expect(steps.length).toBeGreaterThan(1);
    expect(Math.max(...steps)).toBeLessThan(2 * LIMITS.uploadChunkBytes);
  });
});

describe('LocalRun', () => {
  it('can be read back partition by partition', async () => {
    const run = new LocalRun('local', { folder, compression: { codec: 'none' }, blockBytes: 40 });
    const partitions = [['a', 'b'], [], ['c'.repeat(500)]].map((keys) =>
      keys.map((key) => ({ key: Buffer.from(key), value: Buffer.from(`${key}!`) })),
    );

    for (const records of partitions) {
      for (const record of records) append(run.writer, record);
      run.writer.endPartition();
    }
    const segments = run.finish();

    for (const [partition, segment] of segments.entries()) {
      expect(printed(await readMerged([segment]))).toEqual(printed(partitions[partition]!));
    }
  });

  it.runIf(process.platform === 'linux')('reports that the disk is full', () => {
    const run = new LocalRun('full', { folder: '/dev', compression: { codec: 'none' }, blockBytes: 40 });

    append(run.writer, { key: Buffer.from('k'), value: Buffer.from('v') });

    expect(() => run.writer.endPartition()).toThrow(expect.objectContaining({ name: 'DiskFullError' }));
    run.abandon();
  });
});

describe('blockBytesOf()', () => {
  const run = (records: number, bytes: number) =>
    ({ startBytes: 8, endBytes: 8 + bytes, records }) as Parameters<typeof blockBytesOf>[0] extends Iterable<
      infer S
    >
      ? S
      : never;

  it('returns the size of a block, and adds that of the largest records unless they are small', () => {
    expect(blockBytesOf([])).toBe(LIMITS.blockBytes);
    expect(blockBytesOf([run(0, 0), run(1_000, 100 * KiB)])).toBe(LIMITS.blockBytes);
    expect(blockBytesOf([run(1_000, 100 * KiB), run(3, 6 * MiB), run(5, 5 * MiB)])).toBe(
      LIMITS.blockBytes + 2 * MiB,
    );
  });

  it('keeps runs of large records within the memory budget', () => {
    const runs = Array.from({ length: 100 }, () => run(5, 10 * MiB));
    const memoryBytes = 38 * MiB;

    const { runsMax, chunkBytes } = openRunsBudget(memoryBytes, blockBytesOf(runs), runs.length);

    // Each run holds a block that is being read, one that is being merged, and its chunks.
    expect(runsMax * (2 * 2 * MiB + 2 * chunkBytes)).toBeLessThanOrEqual(memoryBytes);
    expect(runsMax).toBeGreaterThanOrEqual(LIMITS.openRunsMin);
  });
});

describe('openRunsBudget()', () => {
  it('never exceeds the memory, unless it is too small for two runs', () => {
    const { blockBytes } = LIMITS;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4_096 }),
        fc.integer({ min: 0, max: 100_000 }),
        (memoryMebibytes, runs) => {
          const memoryBytes = memoryMebibytes * MiB;

          const { runsMax, chunkBytes } = openRunsBudget(memoryBytes, blockBytes, runs);

          const open = Math.min(runs, runsMax);
          expect(runsMax).toBeGreaterThanOrEqual(LIMITS.openRunsMin);
          expect(runsMax).toBeLessThanOrEqual(LIMITS.openRunsMax);
          if (runsMax > LIMITS.openRunsMin) {
            expect(open * (2 * blockBytes + 4 * chunkBytes)).toBeLessThanOrEqual(memoryBytes);
          }
          expect(Number.isInteger(Math.log2(chunkBytes))).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
