import { describe, expect, test } from 'vitest';
import { MapReduceError } from '../../src/errors.ts';
import { type SequentialAttempt, SequentialPool } from '../../src/local/sequential-pool.ts';
import { systemClock } from '../../src/schedule/clock.ts';
import { runStage } from '../../src/schedule/run-stage.ts';
import type { TaskEnvironment, TaskResult } from '../../src/task.ts';
import { mapTasks } from '../schedule/scripted-pool.ts';

function makePool(runTask: (attempt: SequentialAttempt) => Promise<Partial<TaskResult>>) {
  const log: string[] = [];
  const pool = new SequentialPool({
    async makeEnvironment({ attemptId, progress, control }) {
      log.push(`make ${attemptId}`);
      return {
        environment: { progress, control } as TaskEnvironment,
        release: async () => {
          log.push(`release ${attemptId}`);
        },
      };
    },
    async runTask(spec, attemptId, { progress, control }) {
      const known = { taskId: spec.taskId, attemptId, committed: true, counters: {} };
      return { ...known, ...(await runTask({ spec, attemptId, progress, control })) } as TaskResult;
    },
  });
  const run = (tasks: number, signal?: AbortSignal) =>
    runStage({
      stage: 'map',
      tasks: mapTasks(tasks),
      pool,
      clock: systemClock,
      random: () => 0,
      policy: { stallTimeoutMs: 1, pollIntervalMs: 1 },
      ...(signal ? { signal } : {}),
    });
  return { run, log };
}

describe('the sequential pool', () => {
  test('runs one attempt after the other, and releases what each was lent', async () => {
    const { run, log } = makePool(async ({ attemptId }) => {
      if (attemptId === 'm-00001.0') throw new Error('boom');
      return {};
    });

    const { report } = await run(3);

    expect(report).toMatchObject({ attempts: 4, failedAttempts: 1 });
    expect(log).toEqual(
      ['m-00000.0', 'm-00001.0', 'm-00002.0', 'm-00001.1'].flatMap((id) => [`make ${id}`, `release ${id}`]),
    );
  });

  test('can be cancelled between the checks of an attempt', async () => {
    const controller = new AbortController();
    const { run } = makePool(async ({ control }) => {
      setTimeout(() => controller.abort(), 5);
      for (;;) {
        control.check();
        await new Promise((resolve) => setImmediate(resolve));
      }
    });

    await expect(run(2, controller.signal)).rejects.toBeInstanceOf(MapReduceError);
  });
});
