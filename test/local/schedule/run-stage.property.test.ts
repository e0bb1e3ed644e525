import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MapReduceError } from '../../../src/base/errors.ts';
import { runStage } from '../../../src/local/schedule/run-stage.ts';
import { DEFAULT_POLICY } from '../../../src/stages/policy.ts';
import { FakeClock } from './fake-clock.ts';
import { mapTasks, type Script, ScriptedPool } from './scripted-pool.ts';

const ATTEMPTS_MAX = 4;
const afterMs = fc.integer({ min: 0, max: 12_000 });
const ignoresCancel = fc.boolean();

const retryable = new MapReduceError('StorageError', 'a passing fault');
const hopeless = new MapReduceError('DiskFullError', 'no space left');

const alwaysFails: Script = { does: 'throw', afterMs: 100, error: retryable };

const script: fc.Arbitrary<Script> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      does: fc.constant('commit' as const),
      afterMs,
      ignoresCancel,
      answersLateMs: fc.constantFrom(0, 0, 400),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('throw' as const),
      afterMs,
      ignoresCancel,
      error: fc.constant(retryable),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('die' as const), afterMs, committedFirst: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Script>({ does: 'hang' }, { does: 'not begin' }) },
);
const rarelyHopeless = fc.oneof(
  { weight: 60, arbitrary: script },
  { weight: 1, arbitrary: afterMs.map((ms): Script => ({ does: 'throw', afterMs: ms, error: hopeless })) },
);

/** The scripts of one task, by attempt. Attempts after the end of the list commit. */
const scripts = fc.oneof(
  { weight: 40, arbitrary: fc.array(rarelyHopeless, { maxLength: 5 }) },
  // If this were random, hardly any task would use up its attempts.
  { weight: 1, arbitrary: fc.constant(Array<Script>(ATTEMPTS_MAX).fill(alwaysFails)) },
);

const scenario = fc.record({
  scripts: fc.array(scripts, { maxLength: 14 }),
  workers: fc.integer({ min: 1, max: 5 }),
  abortAtMs: fc.option(fc.integer({ min: 0, max: 30_000 }), { freq: 8, nil: undefined }),
  seed: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
});

test('whatever the attempts do, every task commits exactly once or the stage fails, and no attempt keeps running', async () => {
  const seen = { resolved: 0, failed: 0, hopeless: 0, cancelled: 0, backups: 0, stalls: 0 };
  await fc.assert(
    fc.asyncProperty(scenario, async ({ scripts, workers, abortAtMs, seed }) => {
      const clock = new FakeClock();
      const pool = new ScriptedPool({
        workers,
        clock,
        script: ({ spec, number }) => scripts[spec.index]![number] ?? { does: 'commit', afterMs: 100 },
      });
      const controller = new AbortController();
      if (abortAtMs !== undefined) clock.after(abortAtMs, () => controller.abort());
      const failed = new Map<string, number>();

      const settled = await clock.until(
        runStage({
          stage: 'map',
          tasks: mapTasks(scripts.length),
          pool,
          clock,
          random: () => seed,
          policy: {
            attemptsMax: ATTEMPTS_MAX,
            stallTimeoutMs: 3_000,
            startTimeoutMs: 4_000,
            backupAfterMsMin: 1_000,
          },
          signal: controller.signal,
          onEvent: (event) => {
            if (event.kind === 'attempt-failed')
              failed.set(event.taskId, (failed.get(event.taskId) ?? 0) + 1);
          },
        }),
      );

      expect(pool.busy.size).toBe(0);
      expect(pool.attempts.every(({ outcome }) => outcome !== 'running')).toBe(true);
      for (let index = 0; index < scripts.length; index++) {
        // The number of failures is bounded, and one more attempt may have been a backup.
        expect(pool.of(index).length).toBeLessThanOrEqual(ATTEMPTS_MAX + 1);
      }
      if (settled.status === 'fulfilled') {
        seen.resolved++;
        const { results, report, failures } = settled.value;
        seen.backups += report.backupAttempts;
        seen.stalls += failures.filter(({ error }) => error.name === 'TaskStalledError').length;
        expect(results).toHaveLength(scripts.length);
        for (const { taskId, attemptId, committed } of results) {
          expect(pool.commits.get(taskId)).toHaveLength(1);
          if (committed) expect(pool.commits.get(taskId)).toEqual([attemptId]);
        }
        expect(report.attempts).toBe(pool.attempts.length);
        expect(report.failedAttempts).toBe(failures.length);
        expect([...failed.values()].every((count) => count <= ATTEMPTS_MAX)).toBe(true);
      } else {
        const { name } = settled.reason as MapReduceError;
        expect(['TaskFailedError', 'DiskFullError', 'CancelledError']).toContain(name);
        if (name === 'TaskFailedError') seen.failed++;
        else if (name === 'DiskFullError') seen.hopeless++;
        else seen.cancelled++;
        if (name === 'CancelledError') expect(abortAtMs).toBeDefined();
        if (name === 'TaskFailedError')
          expect([...failed.values()].some((count) => count >= ATTEMPTS_MAX)).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );

  // Each outcome must really have occurred.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(5);
  expect(DEFAULT_POLICY.attemptsMax).toBe(ATTEMPTS_MAX);
});
