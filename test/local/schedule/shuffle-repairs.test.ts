import { describe, expect, test } from 'vitest';
import { MapReduceError, type RepairTarget } from '../../../src/base/errors.ts';
import { taskId, taskIndexOf } from '../../../src/base/ids.ts';
import { AttemptNumbers } from '../../../src/local/schedule/attempt-numbers.ts';
import { runStage } from '../../../src/local/schedule/run-stage.ts';
import type { CorruptShuffleHook } from '../../../src/local/schedule/stage-options.ts';
import { FakeClock } from './fake-clock.ts';
import { mapTasks, reduceTasks, type Script, ScriptedPool, type StartedAttempt } from './scripted-pool.ts';

function corrupt(mapTaskIndex: number): Script {
  const toRepair = taskId('map', mapTaskIndex);
  const error = new MapReduceError('CorruptShuffleError', 'a checksum differs', {
    details: { toRepair },
  });
  return { does: 'throw', afterMs: 20, error };
}

const commits: Script = { does: 'commit', afterMs: 100 };

function reduceStage(options: {
  script: (attempt: StartedAttempt) => Script;
  taskCount?: number;
  workers?: number;
  repair?: (clock: FakeClock, pool: ScriptedPool) => CorruptShuffleHook;
  signal?: AbortSignal;
}) {
  const clock = new FakeClock();
  const pool = new ScriptedPool({ workers: options.workers ?? 2, clock, script: options.script });
  const repaired: RepairTarget[] = [];
  const attemptNumbers = new AttemptNumbers();
  const repair: CorruptShuffleHook =
    options.repair?.(clock, pool) ??
    (async (target, { pool: lent, signal }) => {
      const tasks = target === 'shuffle-index' ? [] : mapTasks(taskIndexOf(target) + 1).slice(-1);
      await runStage({ stage: 'map', tasks, pool: lent, clock, random: () => 0, attemptNumbers, signal });
    });
  const outcome = runStage({
    stage: 'reduce',
    tasks: reduceTasks(options.taskCount ?? 1),
    attemptNumbers,
    pool,
    clock,
    random: () => 0.5,
    ...(options.signal ? { signal: options.signal } : {}),
    onCorruptShuffle: (target, lent) => {
      repaired.push(target);
      return repair(target, lent);
    },
  });
  outcome.catch(() => {});
  return { clock, pool, repaired, outcome };
}

describe('a reduce attempt that reads a corrupt shuffle object', () => {
  test('makes the map task run again on its own worker and is then retried; its attempts do not count', async () => {
    const run = reduceStage({
      script: ({ spec, number }) => (spec.stage === 'reduce' && number < 3 ? corrupt(number) : commits),
      taskCount: 1,
      workers: 1,
    });

    const settled = await run.clock.until(run.outcome);

    expect(settled).toMatchObject({
      status: 'fulfilled',
      value: { report: { attempts: 4, failedAttempts: 0 } },
    });
    expect(run.repaired).toEqual(['m-00000', 'm-00001', 'm-00002']);
    expect(run.pool.attempts.map(({ id }) => id)).toEqual([
      'r-00000.0',
      'm-00000.0',
      'r-00000.1',
      'm-00001.0',
      'r-00000.2',
      'm-00002.0',
      'r-00000.3',
    ]);
  });

  test('makes the index be repaired separately from the objects', async () => {
    const index: Script = {
      does: 'throw',
      afterMs: 20,
      error: new MapReduceError('CorruptShuffleError', 'it is gone', {
        details: { toRepair: 'shuffle-index' },
      }),
    };
    const run = reduceStage({
      script: ({ spec, number }) =>
        spec.stage === 'map' ? commits : ([index, corrupt(0), index][number] ?? commits),
      workers: 1,
    });

    const settled = await run.clock.until(run.outcome);

    expect(settled.status).toBe('fulfilled');
    expect(run.repaired).toEqual(['shuffle-index', 'm-00000', 'shuffle-index']);
  });

  test('causes one repair, even if several attempts find the same fault', async () => {
    const run = reduceStage({
      taskCount: 6,
      workers: 6,
      script: ({ spec, number }) => (spec.stage === 'reduce' && number === 0 ? corrupt(4) : commits),
    });

    const settled = await run.clock.until(run.outcome);

    expect(settled.status).toBe('fulfilled');
    expect(run.repaired).toEqual(['m-00004']);
  });

  test('is retried without another repair if it began before the repair ended', async () => {
    const late = { ...corrupt(4), afterMs: 500 } as Script;
    const run = reduceStage({
      taskCount: 2,
      script: ({ spec, number }) =>
        spec.stage === 'reduce' && number === 0 ? [corrupt(4), late][spec.index]! : commits,
    });

    const settled = await run.clock.until(run.outcome);

    expect(settled.status).toBe('fulfilled');
    expect(run.repaired).toEqual(['m-00004']);
  });

  test('stops new tasks from being handed out until the shuffle object is replaced', async () => {
    const run = reduceStage({
      taskCount: 8,
      workers: 3,
      script: ({ spec, number }) =>
        spec.stage === 'map'
          ? { does: 'commit', afterMs: 5_000 }
          : spec.index === 0 && number === 0
            ? corrupt(0)
            : commits,
    });

    await run.clock.until(run.outcome);

    const starts = run.pool.attempts.filter(({ spec }) => spec.stage === 'reduce').map(({ atMs }) => atMs);
    expect(starts.filter((atMs) => atMs > 0 && atMs < 5_020)).toEqual([]);
    expect(starts).toHaveLength(9);
  });

  test('fails the stage if the repair fails', async () => {
    const run = reduceStage({
      script: ({ spec }) => (spec.stage === 'reduce' ? corrupt(2) : commits),
      repair: () => async () => {
        throw new MapReduceError('InputChangedError', 'the input was overwritten');
      },
    });

    const settled = await run.clock.until(run.outcome);

    expect(settled).toMatchObject({ status: 'rejected', reason: { name: 'InputChangedError' } });
  });

  test('has its repair cancelled when the stage is cancelled', async () => {
    const controller = new AbortController();
    const run = reduceStage({
      signal: controller.signal,
      script: ({ spec }) => (spec.stage === 'reduce' ? corrupt(2) : { does: 'commit', afterMs: 100_000 }),
    });
    await run.clock.advance(1_000);

    controller.abort();
    const settled = await run.clock.until(run.outcome);

    expect(settled).toMatchObject({ status: 'rejected', reason: { name: 'CancelledError' } });
    expect(run.clock.nowMs()).toBeLessThan(1_700);
    expect(run.pool.busy.size).toBe(0);
  });
});

describe('an attempt whose error names an object that its stage does not read', () => {
  test.each([
    ['map', 'm-00000'],
    ['map', 'r-00000'],
    ['reduce', 'r-00001'],
  ] as const)('counts as failed, and nothing is repaired: %s, %s', async (stage, toRepair) => {
    const clock = new FakeClock();
    const error = new MapReduceError('CorruptShuffleError', 'thrown by the job itself', {
      details: { toRepair: taskId(toRepair.startsWith('m') ? 'map' : 'reduce', Number(toRepair.slice(2))) },
    });
    const pool = new ScriptedPool({
      workers: 1,
      clock,
      script: () => ({ does: 'throw', afterMs: 20, error }),
    });
    const repaired: RepairTarget[] = [];
    const outcome = runStage({
      stage,
      tasks: stage === 'map' ? mapTasks(1) : reduceTasks(1),
      pool,
      clock,
      random: () => 0.5,
      onCorruptShuffle: async (target) => {
        repaired.push(target);
      },
    });
    outcome.catch(() => {});

    const settled = await clock.until(outcome);

    expect(settled).toMatchObject({ status: 'rejected', reason: { name: 'TaskFailedError' } });
    expect(repaired).toEqual([]);
    expect(pool.attempts).toHaveLength(4);
  });
});
