/** Compares a job with 10,000 map and 1,000 reduce tasks with the limits of the services. docs/limits.md has the table. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import wordCount from '../../apps/word-count/job.ts';
import { writeItems } from '../../lambdas/steps/items.ts';
import { planStep } from '../../lambdas/steps/plan.ts';
import type { Job } from '../../src/api/job.ts';
import { ITEM_BYTES_MAX, TASKS_PER_STAGE_MAX } from '../../src/aws/protocol/job-state.ts';
import { BACKUPS_PER_LOOK_MAX } from '../../src/aws/protocol/watch-state.ts';
import { systemClock } from '../../src/base/clock.ts';
import { jobId } from '../../src/base/ids.ts';
import { KiB, LIMITS, MiB } from '../../src/base/limits.ts';
import type { JobPlan } from '../../src/plan/task.ts';
import type { SplitPiece } from '../../src/read/input-file.ts';
import { shuffleIndexBytes } from '../../src/shuffle/shuffle-index.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { childEventsMax, eventsMax, eventsOfAnEasyJob, watchEventsMax } from './history-events.ts';
import { type LargeJobFigures, MAP_TASKS, REDUCE_TASKS, STEP_MEMORY_MB } from './large-job.ts';
import { newInstance } from './new-instance.ts';

const STATE_BYTES_MAX = 256 * KiB;
const HISTORY_EVENTS_MAX = 25_000;
/** The heap that Lambda's runtime gives to Node in a function of that size. */
const HEAP_MB = Math.floor(STEP_MEMORY_MB * 0.9);
const FUNCTION_MS_MAX = 15 * 60_000;

describe('a job of 10,000 map and 1,000 reduce tasks', () => {
  let figures: LargeJobFigures;

  beforeAll(() => {
    const script = join(import.meta.dirname, 'large-job.ts');
    const options = ['--conditions=serverless-mapreduce-source', `--max-old-space-size=${HEAP_MB}`, script];
    figures = JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8' })) as LargeJobFigures;
  });

  it('has states of at most a hundredth of the size limit', () => {
    const bytes = figures.states.map((state) => Buffer.byteLength(JSON.stringify(state)));

    expect(bytes).toHaveLength(4);
    expect(Math.max(...bytes)).toBeLessThan(STATE_BYTES_MAX / 100);
  });

  it('has plans of a few megabytes, items of a few hundred bytes, and an index that fits one write', () => {
    const { objectBytes, largestItemBytes } = figures;

    expect(objectBytes['plan.json']).toBeLessThan(4 * MiB);
    expect(objectBytes['map.json']).toBeLessThan(4 * MiB);
    expect(objectBytes['reduce.json']).toBeLessThan(64 * KiB);
    expect(largestItemBytes).toBeLessThan(512);
    expect(objectBytes['shuffle-index']).toBeGreaterThan(
      shuffleIndexBytes({ maps: MAP_TASKS, partitions: REDUCE_TASKS }),
    );
    expect(objectBytes['shuffle-index']).toBeLessThan(LIMITS.shuffleIndexBytesMax);
    expect(objectBytes['map-stage.json']).toBeLessThan(8 * MiB);
    expect(objectBytes['manifest.json']).toBeLessThan(1 * MiB);
  });

  it('is planned, verified and committed in the memory of those functions, within seconds', () => {
    const { peakMb, elapsedMs, parts } = figures;

    expect(parts).toBe(REDUCE_TASKS);
    // This memory also contains the store with everything that was written.
    expect(Math.max(...Object.values(peakMb))).toBeLessThan(STEP_MEMORY_MB);
    expect(Math.max(...Object.values(elapsedMs))).toBeLessThan(FUNCTION_MS_MAX / 5);
  });

  it('is documented with these figures', () => {
    const table = readFileSync(join(import.meta.dirname, '../../docs/limits.md'), 'utf8');

    for (const name of [
      'plan.json',
      'map.json',
      'shuffle-index',
      'map-stage.json',
      'manifest.json',
    ] as const) {
      expect(table, name).toContain(`\`${name}\` ${(figures.objectBytes[name] / MiB).toFixed(1)} MiB`);
    }
    expect(table).toContain(`${eventsOfAnEasyJob('Stage')} events without failures`);
    expect(table).toContain(`${eventsOfAnEasyJob('Inline')} events without failures`);
    expect(table).toContain(`${eventsMax().toLocaleString('en')} events`);
    expect(table).toContain(`${childEventsMax('reduce').toLocaleString('en')} events`);
    expect(table).toContain(`${watchEventsMax(MAP_TASKS).toLocaleString('en')} events`);
  });
});

describe('the largest possible job', () => {
  it('has children whose results together fit into the state that collects them', () => {
    const answers = JSON.stringify(Array.from({ length: TASKS_PER_STAGE_MAX }, () => ({})));

    expect(Buffer.byteLength(answers)).toBeLessThan(STATE_BYTES_MAX);
    expect(TASKS_PER_STAGE_MAX).toBeGreaterThanOrEqual(LIMITS.reducersMax);
  });

  it('is refused before a task runs if it has too many map tasks', async () => {
    const store = new MemoryStore();
    const splitSizeBytes = LIMITS.smallSplitBytes;
    store.list = async function* (prefix) {
      const sizeBytes = (TASKS_PER_STAGE_MAX + 1) * splitSizeBytes;
      yield { key: `${prefix}large.txt`, sizeBytes, etag: 'v1', metadata: {} };
    };
    const request = { app: 'word-count', inputs: ['data/'], splitSizeBytes, reducers: 1 };

    const planned = planStep(
      {
        input: { jobId: 'too-many', request },
        execution: { id: 'execution', startTime: new Date().toISOString() },
      },
      {
        jobs: { find: async () => wordCount as Job },
        store,
        now: () => new Date(),
        clock: systemClock,
        codeHash: 'c0de00000001',
        maxConcurrency: 800,
        backupAttempts: true,
        maxTasksPerStage: TASKS_PER_STAGE_MAX,
        taskFunction: { memoryMb: 1_769, scratchMb: 10_240 },
        readablePrefixes: ['data/'],
        memoryBytes: 64 * MiB,
        scratchParent: tmpdir(),
        kept: {},
        instance: newInstance(),
      },
    );

    await expect(planned).rejects.toMatchObject({
      name: 'UsageError',
      message:
        'splits of 1048576 bytes make more than 80000 map tasks from 83887128576 bytes of input. That is the maximum for one job (maxTasksPerStage, on AWS). Set the split size (splitSizeBytes, --split-size) to at least 2097180 bytes',
    });
  });

  it('has a history with room for two inline stages, however often anything is retried', () => {
    expect(eventsMax()).toBeLessThan(HISTORY_EVENTS_MAX);
  });

  it('has children whose history has room for hours of waiting for Lambda after every death of the function', () => {
    expect(childEventsMax('map')).toBeLessThan(HISTORY_EVENTS_MAX);
    expect(childEventsMax('reduce')).toBeLessThan(HISTORY_EVENTS_MAX);
  });

  it('has a watch that ends before the service ends it', () => {
    expect(watchEventsMax(MAP_TASKS)).toBeLessThan(HISTORY_EVENTS_MAX);
    expect(BACKUPS_PER_LOOK_MAX * '{"index":10000},'.length).toBeLessThan(STATE_BYTES_MAX / 100);
  });

  it('may have a split of 10,000 small files, which is stored next to the plan and not in its item', async () => {
    const store = new MemoryStore();
    const id = jobId('packed');
    const pieces = Array.from({ length: LIMITS.piecesPerSplitMax }, (_, index): SplitPiece => {
      const key = `data/logs/2026/01/31/server-${String(index).padStart(5, '0')}.log`;
      const file = { key, sizeBytes: 1_000, etag: '"d41d8cd98f00b204e9800998ecf8427e"', compression: 'none' };
      return { file, startBytes: 0, endBytes: 1_000 } as SplitPiece;
    });
    const plan = { settings: { jobId: id }, splits: [{ pieces }] } as unknown as JobPlan;

    const items = await store.get(await writeItems(store, plan, 'map'));

    expect(items.length).toBeLessThan(ITEM_BYTES_MAX);
    expect((await store.get(`jobs/${id}/plan/splits/m-00000.json`)).length).toBeGreaterThan(1 * MiB);
  });
});
