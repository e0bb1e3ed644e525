import { existsSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MapReduceError } from '../../src/base/errors.ts';
import { KiB, MiB } from '../../src/base/limits.ts';
import { decodeNumberValue, numberValueCodec } from '../../src/codec/number-value.ts';
import { tupleValueCodec } from '../../src/codec/tuple-value.ts';
import { defineJob, type Job, json, textLines, tsv } from '../../src/index.ts';
import { hashKey, partitionOfHash } from '../../src/map/key-hash.ts';
import { ShuffleCollector } from '../../src/map/shuffle-collector.ts';
import { ShuffleObjectWriter } from '../../src/shuffle/shuffle-object.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { environmentOf, scratchFolder, scratchOfFile } from '../commit/environment.ts';
import { type KeyValue, readPartitions } from '../shuffle/records.ts';

const scratch = scratchOfFile();

const COMMON = { description: '', input: textLines(), map: () => {}, output: tsv() } as const;
const summing = defineJob({ ...COMMON, name: 'summing', key: 'string', value: 'number', reduce: 'sum' });
const latest = defineJob({
  ...COMMON,
  name: 'latest',
  key: 'string',
  value: 'number',
  // It is associative but not commutative: it returns the last value.
  combine: (_accumulated, value) => value,
  reduce: 'combined',
});
const summingParts = defineJob({
  ...COMMON,
  name: 'summing-parts',
  key: 'string',
  value: ['number', 'number', 'number'],
  reduce: 'sum',
});
const joining = defineJob({
  ...COMMON,
  name: 'joining',
  key: 'string',
  value: 'string',
  combine: (accumulated, value) => `${accumulated}${value}`,
  reduce: 'combined',
});
const joiningJson = defineJob({
  ...COMMON,
  name: 'joining-json',
  key: ['string', 'number'],
  value: json<string[]>(),
  combine: (accumulated, value) => [...accumulated, ...value],
  reduce: 'combined',
});
const plain = defineJob({ ...COMMON, name: 'plain', key: 'string', value: 'string', reduce: 'each' });

interface Collected {
  readonly partitions: KeyValue[][];
  readonly spills: number;
  readonly bytesSpilled: number;
}

async function collect(
  job: Job,
  emits: readonly (readonly [unknown, unknown])[],
  {
    memoryBytes = 64 * MiB,
    reducers = 1,
    adaptEach = 0,
  }: { memoryBytes?: number; reducers?: number; adaptEach?: number } = {},
): Promise<Collected> {
  const store = new MemoryStore();
  const environment = environmentOf(job, {
    settings: { reducers },
    store,
    memoryBytes,
    scratch: scratch.path,
  });
  const collector = new ShuffleCollector(environment);
  const writer = new ShuffleObjectWriter({
    store,
    key: 'object',
    compression: { codec: 'none' },
    blockBytes: 128,
  });
  try {
    for (const [i, [key, value]] of emits.entries()) {
      if (adaptEach > 0 && i % adaptEach === 0) collector.adapt();
      collector.emit(key, value);
    }
    await collector.finish(writer);
  } finally {
    collector.close();
  }
  expect(collector.recordsEmitted).toBe(emits.length);
  expect([environment.progress.spills, environment.progress.bytesSpilled]).toEqual([
    collector.spills,
    collector.bytesSpilled,
  ]);
  await writer.commit(() => ({}) as never);
  const partitions = await readPartitions(store, 'object');
  return { partitions, spills: collector.spills, bytesSpilled: collector.bytesSpilled };
}

/** The oracle: folds into a Map in the order of the emits, sorts by the keys' bytes, and partitions by the hash. */
function foldedNaively<V>(
  emits: readonly (readonly [string, V])[],
  fold: (a: V, b: V) => V,
  reducers: number,
): (readonly [string, V])[][] {
  const groups = new Map<string, V>();
  // A lone surrogate is emitted as U+FFFD, so the encoded bytes decide which keys form a group.
  for (const [key, value] of emits.map(([key, value]) => [Buffer.from(key).toString(), value] as const)) {
    groups.set(key, groups.has(key) ? fold(groups.get(key) as V, value) : value);
  }
  const sorted = [...groups].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return Array.from({ length: reducers }, (_, partition) =>
    sorted.filter(([key]) => {
      const bytes = Buffer.from(key);
      return partitionOfHash(hashKey(bytes, 0, bytes.length), reducers) === partition;
    }),
  );
}

function numbers(records: readonly KeyValue[]): [string, number][] {
  return records.map(({ key, value }) => [key.toString(), decodeNumberValue(value, 0, value.length)]);
}

function strings(records: readonly KeyValue[]): [string, string][] {
  return records.map(({ key, value }) => [key.toString(), value.toString()]);
}

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('', 'a', 'b', 'the', 'ä', '\0', '😀') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 15 }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 11, max: 135 }).map((length) => 'long'.repeat(40).slice(0, length)),
  },
);
const reducersOf = fc.integer({ min: 1, max: 3 });

describe('ShuffleCollector', () => {
  it('spills a large table before it switches to the buffer, so that memory does not hold both', async () => {
    const emits = Array.from({ length: 150_000 }, (_, i) => [`key ${i}`, 1] as const);
    const of = (memoryBytes: number, adaptEach: number) =>
      collect(summing, emits, { memoryBytes, adaptEach });

    const [kept, large, small] = [
      await of(34 * MiB, 0),
      await of(34 * MiB, 1_000),
      await of(128 * MiB, 1_000),
    ];

    expect([kept.spills, large.spills, small.spills]).toEqual([0, 2, 0]);
    expect(large.partitions).toEqual(kept.partitions);
    expect(small.partitions).toEqual(kept.partitions);
  });

  it('sums and selects numbers as a Map would, whether it spills the table for each key or never', async () => {
    let spills = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, fc.integer({ min: -5, max: 500 })), { maxLength: 9, size: 'max' }),
        fc.constantFrom(summing, latest),
        reducersOf,
        fc.constantFrom(1_000, 330 * KiB, 330 * KiB, 330 * KiB, 1 * MiB, 1 * MiB),
        async (emits, job, reducers, memoryBytes) => {
          const found = await collect(job, emits, { memoryBytes, reducers });

          const fold = job === summing ? (a: number, b: number) => a + b : (_a: number, b: number) => b;
          expect(found.partitions.map(numbers)).toEqual(foldedNaively(emits, fold, reducers));
          spills += found.spills;
        },
      ),
      { numRuns: 1_000 },
    );
    expect(spills).toBeGreaterThan(500);
  });

  it('sums tuples as a Map would, whether it spills the table or never', async () => {
    const decode = tupleValueCodec([numberValueCodec, numberValueCodec, numberValueCodec]).decode;
    let spills = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, fc.tuple(fc.nat(9), fc.integer(), fc.constantFrom(0.25, -0.5))), {
          maxLength: 9,
          size: 'max',
        }),
        reducersOf,
        fc.constantFrom(1_000, 440 * KiB, 440 * KiB, 2 * MiB),
        async (emits, reducers, memoryBytes) => {
          const found = await collect(summingParts, emits, { memoryBytes, reducers });

          const tuples = found.partitions.map((records) =>
            records.map(({ key, value }) => [key.toString(), decode(value, 0, value.length)]),
          );
          const fold = (a: readonly number[], b: readonly number[]) => a.map((part, i) => part + b[i]!);
          expect(tuples).toEqual(foldedNaively<readonly number[]>(emits, fold, reducers));
          spills += found.spills;
        },
      ),
      { numRuns: 300 },
    );
    expect(spills).toBeGreaterThan(100);
  });

  it('gives the same tuples if it switches to the sort buffer', async () => {
    const emits = Array.from({ length: 200_000 }, (_, i) => [`key ${i % 150_000}`, [1, i, 0.5]] as const);

    const kept = await collect(summingParts, emits, { memoryBytes: 128 * MiB });
    const adapted = await collect(summingParts, emits, { memoryBytes: 128 * MiB, adaptEach: 1_000 });

    expect(adapted.partitions).toEqual(kept.partitions);
  });

  it.each([
    [[1, 2], /array of 3 parts/],
    [[1, 2, 'three'], /three/],
    // biome-ignore lint/suspicious/noSparseArray: this is what it refuses.
    [[1, , 3], /number/],
    [7, /array of 3 parts/],
    [undefined, /array of 3 parts/],
  ])('refuses %j as a tuple of three numbers', async (value, message) => {
    await expect(collect(summingParts, [['key', value]])).rejects.toThrow(message);
  });

  it('folds strings in the order in which they were emitted, through spills and merge passes', async () => {
    let spills = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 40, size: 'max' }),
        reducersOf,
        fc.constantFrom(1_000, 1_500, 2_500, 1 * MiB, 1 * MiB),
        async (keys, reducers, memoryBytes) => {
          const emits = keys.map(
            (key, i) => [key, i % 9 === 8 ? `${i}${'+'.repeat(150)}` : `${i} `] as const,
          );

          const found = await collect(joining, emits, { memoryBytes, reducers });

          const expected = foldedNaively<string>(emits, (a, b) => a + b, reducers);
          expect(found.partitions.map(strings)).toEqual(expected);
          spills += found.spills;
        },
      ),
      { numRuns: 1_000 },
    );
    expect(spills).toBeGreaterThan(500);
  });

  it('keeps every value in order if the job has no combiner', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 40, size: 'max' }),
        reducersOf,
        fc.constantFrom(1_000, 1_500, 2_500, 1 * MiB, 1 * MiB),
        async (keys, reducers, memoryBytes) => {
          const emits = keys.map((key, i) => [key, `${i}`] as const);

          const found = await collect(plain, emits, { memoryBytes, reducers });

          const expected = foldedNaively<string[]>(
            emits.map(([key, value]) => [key, [value]]),
            (a, b) => [...a, ...b],
            reducers,
          ).map((groups) => groups.flatMap(([key, values]) => values.map((value) => [key, value])));
          expect(found.partitions.map(strings)).toEqual(expected);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('folds JSON under tuple keys', async () => {
    const emits = Array.from({ length: 300 }, (_, i) => [[`é${i % 5}`, -(i % 3)], [`${i}`]] as const);

    for (const memoryBytes of [3_000, 8 * MiB]) {
      const records = (await collect(joiningJson, emits, { memoryBytes })).partitions[0]!;

      const values = records.map(({ value }) => JSON.parse(value.toString()) as string[]);
      expect(values.map((numbers) => numbers.map(Number))).toEqual(
        [0, 1, 2, 3, 4].flatMap((text) =>
          [-2, -1, 0].map((number) =>
            emits.flatMap(([[key, second]], i) => (key === `é${text}` && second + 0 === number ? [i] : [])),
          ),
        ),
      );
    }
  });

  it('switches to the sort buffer if keys rarely repeat, and loses no record', async () => {
    const unique = 140_000;
    const emits = Array.from({ length: unique + 20_000 }, (_, i) => {
      const key = i < unique ? i : i - unique;
      return [key % 10 === 0 ? `a longer key with the number ${key}` : `${key}`, i % 7] as const;
    });

    const expected = foldedNaively<number>(emits, (a, b) => a + b, 2);
    for (const memoryBytes of [64 * MiB, 4 * MiB]) {
      const adapted = await collect(summing, emits, { memoryBytes, reducers: 2, adaptEach: 1_000 });
      const kept = await collect(summing, emits, { memoryBytes, reducers: 2 });

      for (const { partitions } of [adapted, kept]) {
        expect(partitions.map((records) => records.length)).toEqual(expected.map((groups) => groups.length));
        expect(partitions.map((records) => JSON.stringify(numbers(records)))).toEqual(
          expected.map((groups) => JSON.stringify(groups)),
        );
      }
      // The table folds repeated keys, but the buffer holds every record until it is drained.
      if (memoryBytes === 64 * MiB) expect([adapted.spills, kept.spills]).toEqual([0, 0]);
      else expect(Math.min(adapted.spills, kept.spills)).toBeGreaterThan(0);
    }
  });

  it('does not spill if everything fits into memory', async () => {
    const emits = Array.from({ length: 10_000 }, (_, i) => [`${i % 100}`, 1] as const);

    const found = await collect(summing, emits);

    expect([found.spills, found.bytesSpilled]).toEqual([0, 0]);
    expect(numbers(found.partitions[0]!).every(([, sum]) => sum === 100)).toBe(true);
  });

  it('names a value that is not a number', () => {
    const collector = new ShuffleCollector(environmentOf(summing));

    for (const value of ['7', undefined, null, 7n, { valueOf: () => 7 }]) {
      expect(() => collector.emit('key', value)).toThrow(
        expect.objectContaining({ name: 'UnencodableValueError' }),
      );
    }
    expect(() => collector.emit(7, 7)).toThrow(expect.objectContaining({ name: 'UnencodableValueError' }));
    collector.close();
  });

  it('reports a failed emit at the end even if map swallowed the error', async () => {
    for (const job of [summing, plain]) {
      const store = new MemoryStore();
      const collector = new ShuffleCollector(environmentOf(job, { store }));
      const writer = new ShuffleObjectWriter({
        store,
        key: 'o',
        compression: { codec: 'none' },
        blockBytes: 99,
      });
      const [bad, good] = job === summing ? ['no number', 1] : [1, 'text'];

      expect(() => collector.emit('a', bad)).toThrow();
      collector.emit('b', good);

      expect(() => collector.throwFailure()).toThrow(
        expect.objectContaining({ name: 'UnencodableValueError' }),
      );
      await expect(collector.finish(writer)).rejects.toMatchObject({ name: 'UnencodableValueError' });
      collector.close();
    }
  });

  it('reports a failed spill even if map swallowed the error of the emit, and stays failed', async () => {
    for (const job of [summing, plain]) {
      for (const [folder, name] of [
        [`${scratch.path}/not/there`, 'StorageError'],
        ['/dev/full', 'StorageError'],
      ] as const) {
        const collector = new ShuffleCollector(environmentOf(job, { memoryBytes: 2_000, scratch: folder }));
        const writer = new ShuffleObjectWriter({
          store: new MemoryStore(),
          key: 'o',
          compression: { codec: 'none' },
          blockBytes: 99,
        });
        let failures = 0;

        for (let i = 0; i < 500; i++) {
          try {
            collector.emit(`key ${i}`, job === summing ? i : `${i}`);
          } catch (error) {
            expect(error).toBeInstanceOf(MapReduceError);
            failures++;
          }
        }

        expect(failures).toBeGreaterThan(0);
        await expect(collector.finish(writer)).rejects.toMatchObject({ name });
        collector.close();
      }
    }
  });

  it('stops in the middle of map when the attempt is cancelled, even if map swallows the error', async () => {
    const environment = environmentOf(plain, {
      memoryBytes: 2_000,
      scratch: scratch.path,
      control: {
        check: () => {
          throw new MapReduceError('CancelledError', 'stop');
        },
      },
    });
    const collector = new ShuffleCollector(environment);

    let thrown: unknown;
    for (let i = 0; i < 500; i++) {
      try {
        collector.emit(`key ${i}`, 'value');
      } catch (error) {
        thrown ??= error;
      }
    }

    expect(thrown).toMatchObject({ name: 'CancelledError' });
    expect(() => collector.throwFailure()).toThrow(expect.objectContaining({ name: 'CancelledError' }));
    collector.close();
  });

  it('rejects a record larger than the sort buffer, and suggests a fix', () => {
    const collector = new ShuffleCollector(
      environmentOf(plain, { memoryBytes: 2_000, scratch: scratch.path }),
    );

    expect(() => collector.emit('key', 'v'.repeat(1_199))).toThrow(
      expect.objectContaining({
        name: 'RecordTooLargeError',
        message: expect.stringMatching(/Give the workers more memory \(--memory\), or emit smaller values/),
      }),
    );
    expect(() => collector.emit('k'.repeat(1_199), '')).toThrow(
      expect.objectContaining({ name: 'RecordTooLargeError' }),
    );
    collector.close();
  });

  it('writes only its own files, in its own folder', async () => {
    using own = scratchFolder();
    const collector = new ShuffleCollector(environmentOf(plain, { memoryBytes: 2_000, scratch: own.path }));
    for (let i = 0; i < 300; i++) collector.emit(`${i}`, 'value');
    collector.close();

    expect(readdirSync(own.path).every((name) => name.startsWith('spill-'))).toBe(true);
    expect(existsSync('/nowhere')).toBe(false);
  });
});
