import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byRange, defineJob, type Job, lines, textLines, tsv } from '../../src/index.ts';
import { LIMITS, MiB } from '../../src/limits.ts';
import { defaultReducers, mapTasks, planJob, reduceTasks } from '../../src/plan/plan-job.ts';
import { sampleBoundaries } from '../../src/plan/sample-boundaries.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import type { InputFile } from '../../src/task.ts';
import { FaultyStore } from '../helpers/faulty-store.ts';

const COMMON = { description: '', input: textLines() } as const;
const words = defineJob({
  ...COMMON,
  name: 'words',
  key: 'string',
  value: 'number',
  map: (line, { emit }) => {
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce: 'sum',
  output: tsv(),
});
const mapOnly = defineJob({ ...COMMON, name: 'map-only', map: () => {}, output: lines() });
const ranged = (): Job =>
  defineJob({
    ...COMMON,
    name: 'ranged',
    key: 'string',
    value: 'string',
    map: (line, { emit }) => {
      if (line === 'throw') throw new Error('a bad line');
      emit(line, '');
    },
    partition: byRange(),
    reduce: 'each',
    output: lines(),
  });

async function inputOf(texts: readonly string[]): Promise<{ inputs: MemoryStore; files: InputFile[] }> {
  const inputs = new MemoryStore();
  const files: InputFile[] = [];
  for (const [i, text] of texts.entries()) {
    const { etag, sizeBytes } = await inputs.put(`${i}`, Buffer.from(text));
    files.push({ key: `${i}`, sizeBytes, etag, compression: 'none' });
  }
  return { inputs, files };
}

function plan(job: Job, more: Partial<Parameters<typeof planJob>[0]> = {}) {
  return planJob({
    job,
    jobId: 'j' as never,
    params: {},
    files: [],
    inputs: new MemoryStore(),
    compression: { codec: 'none' },
    merge: false,
    ...more,
  });
}

describe('planJob()', () => {
  it('plans a task for each split and each reducer', async () => {
    const input = await inputOf(['a b c\n', 'd e f\n', '']);

    const made = await plan(words, { ...input, splitSizeBytes: 6, reducers: 3 });

    expect(made).toMatchObject({
      inputBytes: 12,
      inputFiles: 3,
      settings: {
        formatVersion: 1,
        jobName: 'words',
        reducers: 3,
        partition: { kind: 'hash' },
        merge: false,
      },
    });
    expect(mapTasks(made).map(({ taskId, index }) => [taskId, index])).toEqual([
      ['m-00000', 0],
      ['m-00001', 1],
    ]);
    expect(reduceTasks(made).map(({ taskId }) => taskId)).toEqual(['r-00000', 'r-00001', 'r-00002']);
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  });

  it('reads nothing unless keys are to be sampled', async () => {
    const { inputs, files } = await inputOf(['a\n']);
    const watched = new FaultyStore(inputs);

    await plan(words, { inputs: watched, files, reducers: 4 });
    await plan(ranged(), { inputs: watched, files, reducers: 1 });

    expect(watched.operations).toBe(0);
  });

  it('gives a map-only job no reducers, and refuses them', async () => {
    expect((await plan(mapOnly)).settings.reducers).toBe(0);
    expect((await plan(mapOnly, { reducers: 0 })).settings.reducers).toBe(0);
    await expect(plan(mapOnly, { reducers: 2 })).rejects.toMatchObject({
      name: 'UsageError',
      message:
        "job 'map-only' is map-only (it has no reduce), so it takes no reducers; received 2. Drop --reducers",
    });
  });

  it.each([0, -1, 1.5, LIMITS.reducersMax + 1, Number.NaN])('refuses %d reducers', async (reducers) => {
    await expect(plan(words, { reducers })).rejects.toMatchObject({
      name: 'UsageError',
      message: `the number of reducers is a whole number from 1 to 10000; received ${reducers}`,
    });
  });

  it('refuses tasks whose index no barrier could hold, and says how many reducers would do', async () => {
    const files = [{ key: 'large', sizeBytes: 10_000, etag: 'v1', compression: 'none' } as const];
    const options = { files, splitSizeBytes: 1 };

    await expect(plan(words, { ...options, reducers: 10_000 })).rejects.toMatchObject({
      name: 'UsageError',
      message:
        '10000 map tasks times 10000 reducers make a shuffle index of 2289 MiB; 256 MiB is the most. Choose larger splits, or at most 1118 reducers',
    });
    expect((await plan(words, { ...options, reducers: 1_118 })).settings.reducers).toBe(1_118);
  });

  it('refuses more map tasks than a job may have before it has cut them all', async () => {
    const files = [{ key: 'large', sizeBytes: 2 ** 40, etag: 'v1', compression: 'none' } as const];

    await expect(plan(words, { files, splitSizeBytes: 1 })).rejects.toMatchObject({
      name: 'UsageError',
      message:
        'splits of 1 byte make more than 100000 map tasks of 1099511627776 bytes of input. That is the most of one job (maxTasksPerStage, on AWS). Set the split size (splitSizeBytes, --split-size) to 21990234 bytes or more, or leave it out',
    });
  });

  it('asks for several jobs where no split size would do', async () => {
    const files = [{ key: 'large', sizeBytes: 2 ** 45, etag: 'v1', compression: 'none' } as const];

    await expect(plan(words, { files, reducers: 1, tasksPerStageMax: 100 })).rejects.toMatchObject({
      message: expect.stringContaining('Run several jobs, each over a part of the input'),
    });
  });

  it.each([0, -1, 1.5, LIMITS.splitSizeBytesMax + 1])(
    'refuses a split size of %d',
    async (splitSizeBytes) => {
      await expect(plan(words, { splitSizeBytes })).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringContaining(`received ${splitSizeBytes}`),
      });
    },
  );

  it('prefers the reducers that are asked for, then the job’s own, then what suits the input', async () => {
    const job: Job = { ...words, shuffle: { ...words.shuffle!, reducers: 7 } };

    expect((await plan(job, { reducers: 2 })).settings.reducers).toBe(2);
    expect((await plan(job)).settings.reducers).toBe(7);
    expect((await plan(words)).settings.reducers).toBe(1);
  });
});

describe('defaultReducers()', () => {
  it('gives one part to a small input, and at most 256', () => {
    expect([0, 8 * MiB - 1, 8 * MiB, 1_000 * MiB, 100_000_000 * MiB].map(defaultReducers)).toEqual([
      1, 1, 4, 16, 256,
    ]);
  });
});

describe('sampleBoundaries()', () => {
  const sample = async (
    texts: readonly string[],
    {
      partitions,
      samplesMax = 1_000,
      splitSizeBytes = 20,
    }: { partitions: number; samplesMax?: number; splitSizeBytes?: number },
    job = ranged(),
  ): Promise<string[]> => {
    const { inputs, files } = await inputOf(texts);
    const { splits } = await plan(words, { inputs, files, splitSizeBytes });
    const boundaries = await sampleBoundaries({ job, params: {}, splits, inputs, partitions, samplesMax });
    return boundaries.map((boundary) => Buffer.from(boundary, 'base64').toString());
  };

  it('answers ascending keys of the input, fewer than there are partitions', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\0'), maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 30 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 40 }),
        async (inputLines, partitions, samplesMax) => {
          const text = inputLines.map((line) => `${line}\n`).join('');

          const boundaries = await sample([text], { partitions, samplesMax });

          const bytes = boundaries.map((boundary) => Buffer.from(boundary));
          expect(boundaries.length).toBeLessThan(partitions);
          expect(boundaries.every((boundary) => inputLines.includes(boundary))).toBe(true);
          for (let i = 1; i < bytes.length; i++) expect(Buffer.compare(bytes[i - 1], bytes[i])).toBe(-1);
          expect(await sample([text], { partitions, samplesMax })).toEqual(boundaries);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('cuts the keys into equal shares', async () => {
    const text = Array.from(
      { length: 1_000 },
      (_, i) => `${String((i * 7) % 1_000).padStart(3, '0')}\n`,
    ).join('');

    expect(await sample([text], { partitions: 4, samplesMax: 100_000 })).toEqual(['250', '500', '750']);
  });

  it('never parts one key, however often it occurs', async () => {
    const text = `${'same\n'.repeat(100)}zebra\n`;

    expect(await sample([text], { partitions: 10 })).toEqual(['same']);
  });

  it('looks at some splits only, and at the first of their records', async () => {
    const { inputs, files } = await inputOf(Array.from({ length: 200 }, (_, i) => `${i}\n`.repeat(10)));
    const { splits } = await plan(words, { inputs, files, splitSizeBytes: 1 });
    const watched = new FaultyStore(inputs);
    let mapped = 0;
    const job: Job = { ...ranged(), map: () => void mapped++ };

    await sampleBoundaries({ job, params: {}, splits, inputs: watched, partitions: 4, samplesMax: 64 });

    expect(splits.length).toBeGreaterThan(200);
    expect(watched.log.filter((name) => name.startsWith('stream ')).length).toBeLessThanOrEqual(64);
    expect(mapped).toBeLessThan(1_000);
  });

  it('leaves it to the map task to complain of a record', async () => {
    expect(await sample(['a\nb\nthrow\nc\n', 'd\ne\n'], { partitions: 2, splitSizeBytes: 100 })).not.toEqual(
      [],
    );
  });

  it('refuses a map that answers a promise, rather than leave its failure to nobody', async () => {
    const job: Job = {
      ...ranged(),
      map: async () => {
        throw new Error('late');
      },
    };

    await expect(sample(['a\n'], { partitions: 2 }, job)).rejects.toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringContaining('map() returned a promise'),
    });
  });

  it('passes on what is wrong with the input', async () => {
    const { inputs, files } = await inputOf(['a\nb\n']);
    const { splits } = await plan(words, { inputs, files });
    await inputs.put('0', Buffer.from('changed\n'));

    const sampling = sampleBoundaries({
      job: ranged(),
      params: {},
      splits,
      inputs,
      partitions: 2,
      samplesMax: 9,
    });

    await expect(sampling).rejects.toMatchObject({ name: 'InputChangedError' });
  });
});
