import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { registryOf } from '../../lambdas/runtime/registry.ts';
import type { StepEnvironment } from '../../lambdas/steps/environment.ts';
import { areStragglers, watchStep } from '../../lambdas/steps/watch.ts';
import { type SettingsDocument, writeDocument } from '../../src/aws/protocol/documents.ts';
import { WATCH_SECONDS_MIN, type WatchEvent, type WatchState } from '../../src/aws/protocol/watch-state.ts';
import { systemClock } from '../../src/base/clock.ts';
import { jobId } from '../../src/base/ids.ts';
import { MiB } from '../../src/base/limits.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { lineCount } from '../helpers/jobs.ts';
import { newInstance } from './new-instance.ts';

const STARTED_AT = '2026-01-01T00:00:00.000Z';

describe('areStragglers', () => {
  const base = { tasks: 100, missing: 5, elapsedMs: 60_000, mostCommittedMs: 20_000, maxConcurrency: 1_000 };

  it.each([
    ['few are missing long after most have committed', {}, true],
    ['most have not committed yet', { mostCommittedMs: 0 }, false],
    ['many are missing, because the job is just slow', { missing: 11 }, false],
    ['the typical task takes that long', { elapsedMs: 49_999 }, false],
    [
      'with four waves of tasks a typical one is a quarter as long',
      { elapsedMs: 27_500, maxConcurrency: 25 },
      true,
    ],
    [
      'tasks of one second get no backup within five seconds',
      { mostCommittedMs: 1_000, elapsedMs: 5_999 },
      false,
    ],
    ['one of four is missing', { tasks: 4, missing: 1 }, true],
  ])('%s', (_, change, expected) => {
    expect(areStragglers({ ...base, ...change })).toBe(expected);
  });
});

describe('a watch', () => {
  let environment: StepEnvironment & { store: MemoryStore };
  let nowMs: number;
  const id = jobId('job');

  beforeEach(async () => {
    const store = new MemoryStore();
    environment = {
      store,
      jobs: registryOf({ apps: { 'line-count': lineCount } }),
      now: () => new Date(nowMs),
      clock: systemClock,
      codeHash: 'c0de00000001',
      maxConcurrency: 100,
      backupAttempts: true,
      maxTasksPerStage: 10_000,
      taskFunction: { memoryMb: 1_769, scratchMb: 10_240 },
      readablePrefixes: ['data/'],
      memoryBytes: 64 * MiB,
      scratchParent: await mkdtemp(join(tmpdir(), 'mapreduce-watch-')),
      kept: {},
      instance: newInstance(),
    };
    const settings: SettingsDocument = {
      app: 'line-count',
      tasks: { map: 10, reduce: 2 },
      maxConcurrency: 100,
      outputPrefix: 'output/job/',
      codeHash: environment.codeHash,
      settings: {
        formatVersion: 1,
        jobId: id,
        jobName: 'line-count',
        params: {},
        reducers: 2,
        partition: { kind: 'hash' },
        compression: { codec: 'none' },
        merge: false,
      },
    };
    await writeDocument(store, 'jobs/job/plan/settings.json', settings);
  });
  afterEach(() => rm(environment.scratchParent, { recursive: true, force: true }));

  const commit = async (indexes: readonly number[]) => {
    for (const index of indexes)
      await environment.store.put(`work/job/shuffle/m-0000${index}`, Buffer.from('x'));
  };
  const lookAt = async (seconds: number, before: WatchEvent): Promise<WatchState> => {
    nowMs = Date.parse(STARTED_AT) + seconds * 1_000;
    return await watchStep(before, environment);
  };
  const START: WatchEvent = {
    jobId: jobId('job'),
    stage: 'map',
    functions: { watch: 'watch:1', task: 'map:1' },
    startedAt: STARTED_AT,
    waitSeconds: WATCH_SECONDS_MIN,
    looks: 0,
    committed: 0,
    lastProgressMs: 0,
    mostCommittedMs: 0,
  };

  it('gives a straggler one backup attempt, however often it checks', async () => {
    await commit([0, 1, 2, 3, 4, 5, 6, 7, 8]);

    const early = await lookAt(10, START);
    const late = await lookAt(26, early);
    const later = await lookAt(60, late);

    expect(early).toMatchObject({ done: false, committed: 9, mostCommittedMs: 10_000, backups: [] });
    expect(late).toMatchObject({ done: false, backups: [{ index: 9 }] });
    expect(later).toMatchObject({ done: false, backups: [] });
  });

  it('waits longer before each check, up to a bound', async () => {
    let state: WatchEvent = START;
    for (let look = 1; look <= 30; look++) state = await lookAt(look, state);

    expect(state).toMatchObject({ looks: 30, waitSeconds: 15 });
  });

  it.each<[string, (store: MemoryStore) => Promise<unknown>]>([
    ['all tasks have committed', () => commit([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])],
    ['the job failed', (store) => store.put('jobs/job/failure.json', Buffer.from('{}'))],
    ['the job was cancelled', (store) => store.put('jobs/job/cancel', Buffer.from(''))],
    ['the job ended', (store) => store.put('output/job/_SUCCESS', Buffer.from(''))],
  ])('ends when %s', async (_, happens) => {
    await happens(environment.store);

    expect(await lookAt(5, START)).toMatchObject({ done: true, backups: [] });
  });

  it('ends when no more tasks commit', async () => {
    expect(await lookAt(31 * 60, START)).toMatchObject({ done: true });
  });
});
