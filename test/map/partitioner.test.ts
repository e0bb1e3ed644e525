import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionFunction } from '../../src/api/job.ts';
import { isMapReduceError, type MapReduceError } from '../../src/base/errors.ts';
import { defineJob, type Job, textLines, tsv } from '../../src/index.ts';
import { createPartitioner } from '../../src/map/partitioner.ts';
import { ShuffleCollector } from '../../src/map/shuffle-collector.ts';
import type { JobSettings } from '../../src/plan/task.ts';
import { environmentOf, settingsOf } from '../commit/environment.ts';

const COMMON = {
  description: '',
  name: 'job',
  input: textLines(),
  map: () => {},
  output: tsv(),
  key: 'string',
  value: 'number',
} as const;
const byHash = defineJob({ ...COMMON, reduce: 'sum' });

function custom(
  partition: (key: string, partitions: number) => unknown,
  value: 'string' | 'number' = 'number',
): Job {
  return defineJob({
    ...COMMON,
    value,
    partition: partition as PartitionFunction<string, Record<never, never>>,
    reduce: 'each',
  });
}

function partitionsOf(job: Job, settings: Partial<JobSettings>, keys: readonly string[]): number[] {
  const partitioner = createPartitioner(job, settingsOf(job, settings));
  return keys.map((key) => {
    const bytes = Buffer.from(`--${key}--`);
    return partitioner.partitionOf(key, bytes, 2, bytes.length - 2);
  });
}

function failure(run: () => unknown): MapReduceError {
  try {
    run();
  } catch (error) {
    if (isMapReduceError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('partitioning by hash', () => {
  // Users see which part contains a word, so this must never change.
  it('assigns words to the same partitions as earlier versions', () => {
    const words = ['the', 'of', 'and', 'to', 'a', 'in', '', 'naïve', '日本'];

    expect(partitionsOf(byHash, { reducers: 16 }, words)).toEqual([12, 3, 4, 11, 1, 5, 10, 12, 15]);
    expect(partitionsOf(byHash, { reducers: 1 }, words)).toEqual(words.map(() => 0));
  });
});

describe('partitioning by ranges', () => {
  it('assigns a key to the partition after all boundaries that it reaches', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'é'), maxLength: 4 });
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 7 }), fc.array(text), (boundaries, keys) => {
        const sorted = boundaries.map((key) => Buffer.from(key)).sort(Buffer.compare);
        const settings: Partial<JobSettings> = {
          reducers: sorted.length + 1,
          partition: { kind: 'range', boundaries: sorted.map((key) => key.toString('base64')) },
        };

        const found = partitionsOf(byHash, settings, keys);

        expect(found).toEqual(
          keys.map(
            (key) => sorted.filter((boundary) => Buffer.compare(boundary, Buffer.from(key)) <= 0).length,
          ),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('uses fewer partitions if there are fewer boundaries', () => {
    expect(
      partitionsOf(byHash, { reducers: 9, partition: { kind: 'range', boundaries: [] } }, ['', 'z']),
    ).toEqual([0, 0]);
  });
});

describe('partitioning by a function', () => {
  it('passes the key and the number of partitions', () => {
    const seen: unknown[] = [];
    const job = custom((key, partitions) => {
      seen.push([key, partitions]);
      return key.length % partitions;
    });

    expect(partitionsOf(job, { reducers: 3, partition: { kind: 'custom' } }, ['a', 'bbbb', 'ccccc'])).toEqual(
      [1, 1, 2],
    );
    expect(seen).toEqual([
      ['a', 3],
      ['bbbb', 3],
      ['ccccc', 3],
    ]);
  });

  it('receives the text of a key that is emitted as a range of bytes', () => {
    const seen: unknown[] = [];
    const job = custom((key: unknown) => {
      seen.push(key);
      return 0;
    });
    const line = { bytes: Buffer.from('the key'), start: 4, end: 7 };

    const partitioner = createPartitioner(
      job,
      settingsOf(job, { reducers: 1, partition: { kind: 'custom' } }),
    );

    partitioner.partitionOf(line, line.bytes, line.start, line.end);
    partitioner.partitionOf('text', Buffer.from('text'), 0, 4);

    expect(seen).toEqual(['key', 'text']);
  });

  it.each([
    [-1, '-1 (number)'],
    [3, '3 (number)'],
    [1.5, '1.5 (number)'],
    [Number.NaN, 'NaN (number)'],
    ['1', '"1" (string)'],
    [undefined, 'undefined (undefined)'],
    [null, 'null (null)'],
    [true, 'true (boolean)'],
    [1n, '1n (bigint)'],
    [Symbol('1'), 'Symbol(1) (symbol)'],
    [Object.create(null), '{} (object)'],
    [[1].values(), 'a generator or another iterator'],
  ])('rejects the result %o, and names the key', (returned, shown) => {
    const job = custom(() => returned);

    const error = failure(() =>
      partitionsOf(job, { reducers: 3, partition: { kind: 'custom' } }, ['the key']),
    );

    expect(error.name).toBe('PartitionOutOfRangeError');
    expect(error.message).toBe(
      `partition() returned ${shown} for the key "the key"; it must return a whole number from 0 to 2 (there are 3 partitions). Round the result, and take it modulo the number of partitions`,
    );
    expect(error.details).toEqual({ phase: 'partition', groupKey: '"the key"' });
  });

  it('names the only allowed result if there is one partition', () => {
    const job = custom(() => 1);

    expect(() => partitionsOf(job, { reducers: 1, partition: { kind: 'custom' } }, ['k'])).toThrow(
      'it must return 0 (there is 1 partition). Round the result',
    );
  });

  it('rejects a promise, and handles its rejection', () => {
    const job = custom(() => Promise.reject(new Error('late')));

    expect(() => partitionsOf(job, { reducers: 3, partition: { kind: 'custom' } }, ['k'])).toThrow(
      "partition() returned a promise; it must be synchronous. Remove 'async'",
    );
  });

  it('treats -0 as 0', () => {
    const job = custom(() => -0);

    const [partition] = partitionsOf(job, { reducers: 3, partition: { kind: 'custom' } }, ['k']);

    expect(new Uint16Array([partition!])[0]).toBe(0);
  });

  it('that throws fails with an error that names the key', () => {
    const job = custom((key) => {
      throw new RangeError(`no ${key}`);
    });

    const error = failure(() => partitionsOf(job, { reducers: 2, partition: { kind: 'custom' } }, ['k']));

    expect(error).toMatchObject({
      name: 'UserCodeError',
      message: 'partition() threw RangeError: no k',
      details: { phase: 'partition', groupKey: '"k"' },
    });
  });

  it('is called by a real emit, and its error names the key, for one partition and for several', () => {
    for (const value of ['string', 'number'] as const) {
      for (const reducers of [1, 3]) {
        const job = { ...custom(() => 5, value) };
        const withCombiner: Job =
          value === 'number' ? { ...job, shuffle: { ...job.shuffle!, combine: 'sum' } } : job;
        for (const key of ['k', 'a key of more than twelve bytes']) {
          const collector = new ShuffleCollector(
            environmentOf(withCombiner, { settings: { reducers, partition: { kind: 'custom' } } }),
          );

          const error = failure(() => collector.emit(key, value === 'number' ? 1 : 'x'));
          collector.close();

          expect(error.name).toBe('PartitionOutOfRangeError');
          expect(error.details.groupKey).toBe(JSON.stringify(key));
        }
      }
    }
  });
});
