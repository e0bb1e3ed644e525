import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { jobId } from '../../src/base/ids.ts';
import { LIMITS, MiB } from '../../src/base/limits.ts';
import { defineJob, type Job, lines, textLines } from '../../src/index.ts';
import { planJob } from '../../src/plan/plan-job.ts';
import { tasksOf } from '../../src/plan/stages.ts';
import type { InputFile } from '../../src/read/input-file.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { FaultyStore } from '../helpers/faulty-store.ts';
import { sortLines, wordCount } from '../helpers/jobs.ts';

const COMMON = { description: '', input: textLines() } as const;
const mapOnly = defineJob({ ...COMMON, name: 'map-only', map: () => {}, output: lines() });
async function inputOf(texts: readonly string[]): Promise<{ inputs: MemoryStore; files: InputFile[][] }> {
  const inputs = new MemoryStore();
  const files: InputFile[] = [];
  for (const [i, text] of texts.entries()) {
    const { etag, sizeBytes } = await inputs.put(`${i}`, Buffer.from(text));
    files.push({ key: `${i}`, sizeBytes, etag, compression: 'none' });
  }
  return { inputs, files: [files] };
}

function plan(job: Job, more: Partial<Parameters<typeof planJob>[0]> = {}) {
  return planJob({
    job,
    jobId: jobId('j'),
    params: {},
    files: [[]],
    inputs: new MemoryStore(),
    compression: { codec: 'none' },
    merge: false,
    ...more,
  });
}

describe('planJob()', () => {
  it('plans a task for each split and each reducer', async () => {
    const input = await inputOf(['a b c\n', 'd e f\n', '']);

    const made = await plan(wordCount, { ...input, splitSizeBytes: 6, reducers: 3 });

    expect(made).toMatchObject({
      inputBytes: 12,
      inputFiles: 3,
      settings: {
        formatVersion: 1,
        jobName: 'word-count',
        reducers: 3,
        partition: { kind: 'hash' },
        merge: false,
      },
    });
    expect(tasksOf(made, 'map').map(({ taskId, index }) => [taskId, index])).toEqual([
      ['m-00000', 0],
      ['m-00001', 1],
    ]);
    expect(tasksOf(made, 'reduce').map(({ taskId }) => taskId)).toEqual(['r-00000', 'r-00001', 'r-00002']);
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  });

  it('reads only the first bytes of each file, unless keys must be sampled', async () => {
    const { inputs, files } = await inputOf(['a\n']);
    const watched = new FaultyStore(inputs);

    await plan(wordCount, { inputs: watched, files, reducers: 4 });
    await plan(sortLines, { inputs: watched, files, reducers: 1 });

    expect(watched.operations).toBe(2);
  });

  it('plans no reducers for a map-only job, and refuses them', async () => {
    expect((await plan(mapOnly)).settings.reducers).toBe(0);
    expect((await plan(mapOnly, { reducers: 0 })).settings.reducers).toBe(0);
    await expect(plan(mapOnly, { reducers: 2 })).rejects.toMatchObject({
      name: 'UsageError',
      message:
        "job 'map-only' is map-only (it has no reduce), so it cannot have reducers; received 2. Remove --reducers",
    });
  });

  it.each([0, -1, 1.5, LIMITS.reducersMax + 1, Number.NaN])('refuses %d reducers', async (reducers) => {
    await expect(plan(wordCount, { reducers })).rejects.toMatchObject({
      name: 'UsageError',
      message: `the number of reducers must be a whole number from 1 to 10000; received ${reducers}`,
    });
  });

  it('refuses tasks whose index would not fit in the memory of the map barrier, and suggests a number of reducers', async () => {
    const options = { ...(await inputOf(['x'.repeat(10_000)])), splitSizeBytes: 1 };

    await expect(plan(wordCount, { ...options, reducers: 10_000 })).rejects.toMatchObject({
      name: 'UsageError',
      message:
        '10000 map tasks times 10000 reducers need a shuffle index of 2289 MiB; the maximum is 256 MiB. Choose larger splits, or at most 1118 reducers',
    });
    expect((await plan(wordCount, { ...options, reducers: 1_118 })).settings.reducers).toBe(1_118);
  });

  it('refuses too many map tasks before it has cut them all', async () => {
    const files = [{ key: 'large', sizeBytes: 2 ** 40, etag: 'v1', compression: 'none' } as const];

    await expect(plan(wordCount, { files: [files], splitSizeBytes: 1 })).rejects.toMatchObject({
      name: 'UsageError',
      message:
        'splits of 1 byte make more than 100000 map tasks from 1099511627776 bytes of input. That is the maximum for one job (maxTasksPerStage, on AWS). Set the split size (splitSizeBytes, --split-size) to at least 21990234 bytes, or omit it',
    });
  });

  it('suggests several jobs if no split size is large enough', async () => {
    const files = [{ key: 'large', sizeBytes: 2 ** 45, etag: 'v1', compression: 'none' } as const];

    await expect(
      plan(wordCount, { files: [files], reducers: 1, tasksPerStageMax: 100 }),
    ).rejects.toMatchObject({
      message: expect.stringContaining('Run several jobs, each over a part of the input'),
    });
  });

  it.each([0, -1, 1.5, LIMITS.splitSizeBytesMax + 1])(
    'refuses a split size of %d',
    async (splitSizeBytes) => {
      await expect(plan(wordCount, { splitSizeBytes })).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringContaining(`received ${splitSizeBytes}`),
      });
    },
  );

  it('uses the requested number of reducers, then the job’s own, then one that fits the input', async () => {
    const job: Job = { ...wordCount, shuffle: { ...wordCount.shuffle!, reducers: 7 } };

    expect((await plan(job, { reducers: 2 })).settings.reducers).toBe(2);
    expect((await plan(job)).settings.reducers).toBe(7);
    expect((await plan(wordCount)).settings.reducers).toBe(1);
  });

  it('counts compressed files by what they decompress to, also those whose names do not show it', async () => {
    const inputs = new MemoryStore();
    const { etag } = await inputs.put('packed', gzipSync('a\n'));
    const sizeBytes = 100 * MiB;
    const files = (key: string): InputFile[][] => [
      Array.from({ length: 6 }, () => ({ key, sizeBytes, etag, compression: 'none' as const })),
    ];
    await inputs.put('plain', Buffer.from('a\n'));
    inputs.get = async (key) => (key === 'packed' ? gzipSync('a\n') : Buffer.from('a\n'));

    const plain = await plan(wordCount, { inputs, files: files('plain') });
    const packed = await plan(wordCount, { inputs, files: files('packed') });

    expect([plain.splits.length, plain.settings.reducers]).toEqual([12, 10]);
    expect([packed.splits.length, packed.settings.reducers]).toEqual([6, 38]);
    expect(packed.splits[0]!.pieces).toMatchObject([{ file: { compression: 'gzip' } }]);
  });
});
