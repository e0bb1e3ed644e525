import { describe, expect, test } from 'vitest';
import { MapReduceError } from '../../../src/base/errors.ts';
import { runStage } from '../../../src/local/schedule/run-stage.ts';
import type { StageOptions, StageOutcome } from '../../../src/local/schedule/stage-options.ts';
import type { JobEvent } from '../../../src/report/report.ts';
import { FakeClock } from './fake-clock.ts';
import { mapTasks, type Script, ScriptedPool, type StartedAttempt } from './scripted-pool.ts';

const commits: Script = { does: 'commit', afterMs: 100 };
const throws: Script = {
  does: 'throw',
  afterMs: 50,
  error: new MapReduceError('UserCodeError', 'map threw: boom'),
};

function stage(
  options: Partial<Omit<StageOptions, 'pool'>> & {
    taskCount?: number;
    workers?: number;
    canKill?: boolean;
    script: (attempt: StartedAttempt) => Script;
  },
) {
  const { taskCount = 1, workers = 2, canKill = true, script, ...rest } = options;
  const clock = new FakeClock();
  const pool = new ScriptedPool({ workers, clock, canKill, script });
  const events: JobEvent[] = [];
  const outcome = runStage({
    stage: 'map',
    tasks: mapTasks(taskCount),
    pool,
    clock,
    random: () => 0.5,
    onEvent: (event) => events.push(event),
    ...rest,
  });
  outcome.catch(() => {});
  return { clock, pool, events, outcome };
}

async function resolved(run: { clock: FakeClock; outcome: Promise<StageOutcome> }): Promise<StageOutcome> {
  const settled = await run.clock.until(run.outcome);
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

async function rejected(run: { clock: FakeClock; outcome: Promise<StageOutcome> }): Promise<MapReduceError> {
  const settled = await run.clock.until(run.outcome);
  if (settled.status === 'fulfilled') throw new Error('the stage was expected to fail');
  return settled.reason;
}

describe('handing out', () => {
  test('a stage without tasks ends at once', async () => {
    const run = stage({ taskCount: 0, script: () => commits });

    const { results, report } = await resolved(run);

    expect(results).toEqual([]);
    expect(report).toMatchObject({ tasks: 0, attempts: 0, failedAttempts: 0 });
  });

  test('tasks are handed out in the order of their index, to every idle worker', async () => {
    const run = stage({ taskCount: 5, workers: 2, script: () => commits });

    const { results } = await resolved(run);

    expect(run.pool.attempts.map(({ spec, atMs }) => [spec.index, atMs])).toEqual([
      [0, 0],
      [1, 0],
      [2, 100],
      [3, 100],
      [4, 200],
    ]);
    expect(results.map(({ taskId }) => taskId)).toEqual([
      'm-00000',
      'm-00001',
      'm-00002',
      'm-00003',
      'm-00004',
    ]);
  });

  test('a short stage uses no more workers than it has tasks', async () => {
    const run = stage({ taskCount: 2, workers: 8, script: () => commits });

    await resolved(run);

    expect(new Set(run.pool.attempts.map(({ worker }) => worker))).toEqual(new Set([0, 1]));
  });

  test('the report sums what the committed attempts did', async () => {
    const run = stage({ taskCount: 3, script: () => commits });

    const { report } = await resolved(run);

    expect(report).toEqual({
      stage: 'map',
      tasks: 3,
      attempts: 3,
      failedAttempts: 0,
      backupAttempts: 0,
      wallMs: 200,
      recordsRead: 30,
      bytesRead: 300,
      recordsWritten: 15,
      bytesWritten: 150,
      spills: 3,
      bytesSpilled: 60,
    });
  });

  test('events report the stage from start to end', async () => {
    const run = stage({
      script: ({ number }) => (number === 0 ? throws : { does: 'commit', afterMs: 1_000 }),
    });

    await resolved(run);

    const kinds = run.events.map((event) =>
      event.kind === 'attempt-failed' ? [event.kind, event.willRetry] : event.kind,
    );
    expect(kinds.filter((kind) => kind !== 'progress')).toEqual([
      'stage-started',
      'attempt-started',
      ['attempt-failed', true],
      'attempt-started',
      'attempt-ended',
      'stage-ended',
    ]);
    expect(kinds.filter((kind) => kind === 'progress').length).toBeGreaterThanOrEqual(4);
  });

  test('progress counts committed and running attempts together', async () => {
    const run = stage({
      taskCount: 3,
      bytesTotal: 300,
      script: ({ spec }) => ({ does: 'commit', afterMs: 120 + 400 * spec.index }),
    });

    await resolved(run);

    const told = run.events.flatMap((event) => (event.kind === 'progress' ? [event.progress] : []));
    expect(told[0]).toMatchObject({ stage: 'map', tasks: 3, done: 1, running: 2, bytesTotal: 300 });
    expect(told[0]!.bytes).toBeGreaterThan(100);
    expect(told.at(-1)).toMatchObject({ done: 3, running: 0, records: 30, bytes: 300 });
  });
});

describe('failures', () => {
  test('a failed attempt is retried on another worker, after a back-off', async () => {
    const run = stage({ script: ({ number }) => (number === 0 ? throws : commits) });

    const { results, report, failures } = await resolved(run);

    expect(run.pool.attempts.map(({ id, worker, atMs }) => [id, worker, atMs])).toEqual([
      ['m-00000.0', 0, 0],
      ['m-00000.1', 1, 75],
    ]);
    expect(results[0]!.attemptId).toBe('m-00000.1');
    expect(report).toMatchObject({ attempts: 2, failedAttempts: 1 });
    expect(failures).toMatchObject([{ attemptId: 'm-00000.0', error: { name: 'UserCodeError' } }]);
  });

  test('a task that uses up its attempts fails the stage, and the error has the task, the record and the cause', async () => {
    const error = new MapReduceError('UserCodeError', 'map threw: boom', {
      details: { file: '/data/a.txt', offsetBytes: 77, phase: 'map' },
    });
    const run = stage({
      taskCount: 2,
      script: ({ spec }) => (spec.index === 1 ? { does: 'throw', afterMs: 5, error } : commits),
    });

    const failure = await rejected(run);

    expect(failure.name).toBe('TaskFailedError');
    expect(failure.message).toBe(
      'map task m-00001 failed 4 times (at most 4 attempts). The last attempt, m-00001.3, failed at byte 77 of /data/a.txt: UserCodeError: map threw: boom',
    );
    expect(failure.details).toEqual({
      taskId: 'm-00001',
      attemptId: 'm-00001.3',
      file: '/data/a.txt',
      offsetBytes: 77,
      phase: 'map',
    });
    expect(failure.cause).toBe(error);
    expect(run.pool.of(1)).toHaveLength(4);
  });

  test.each([
    'task m-00000 failed permanently: DiskFullError: no space left on the device',
    'worker 0 ran out of JavaScript heap (at most 10 MiB) in map attempt m-00000.0',
    'the job was cancelled in its map stage, after 0 of 2 tasks had committed',
  ])('an error is classified by its fields, whatever its message: %s', async (message) => {
    const error = new MapReduceError('UserCodeError', message);
    const run = stage({
      taskCount: 2,
      script: ({ spec }) => (spec.index === 1 ? { does: 'throw', afterMs: 5, error } : commits),
    });

    const failure = await rejected(run);

    expect(failure).toMatchObject({
      name: 'TaskFailedError',
      details: { taskId: 'm-00001', attemptId: 'm-00001.3' },
    });
    expect(failure.cause).toBe(error);
    expect(run.pool.of(1)).toHaveLength(4);
  });

  test('the other workers have stopped by the time the stage rejects', async () => {
    const run = stage({
      taskCount: 3,
      workers: 3,
      policy: { attemptsMax: 1 },
      script: ({ spec }) =>
        [throws, { does: 'commit', afterMs: 10_000 } as const, { does: 'hang' } as const][spec.index]!,
    });

    await rejected(run);

    expect(run.pool.attempts.map(({ outcome }) => outcome)).toEqual(['threw', 'cancelled', 'killed']);
    expect(run.clock.nowMs()).toBeLessThan(1_000);
  });

  test('an error that is not retryable fails the stage at once, with its own name', async () => {
    const error = new MapReduceError('PartitionOutOfRangeError', 'partition answered 9');
    const run = stage({
      taskCount: 4,
      script: ({ spec }) => (spec.index === 1 ? { does: 'throw', afterMs: 5, error } : commits),
    });

    const failure = await rejected(run);

    expect(failure).toMatchObject({
      name: 'PartitionOutOfRangeError',
      details: { taskId: 'm-00001', attemptId: 'm-00001.0' },
    });
    expect(run.pool.attempts).toHaveLength(2);
  });

  test('if every first attempt fails, each task needs one more attempt', async () => {
    const run = stage({
      taskCount: 200,
      workers: 4,
      script: ({ number }) => (number === 0 ? throws : commits),
    });

    const { report, failures } = await resolved(run);

    expect(report).toMatchObject({ attempts: 400, failedAttempts: 200 });
    expect(failures).toHaveLength(200);
  });

  test('only the newest failures are kept', async () => {
    const run = stage({
      taskCount: 20,
      policy: { failuresKeptMax: 3 },
      script: ({ number }) => (number === 0 ? throws : commits),
    });

    const { failures, report } = await resolved(run);

    expect(report.failedAttempts).toBe(20);
    expect(failures.map(({ taskId }) => taskId)).toEqual(['m-00017', 'm-00018', 'm-00019']);
  });

  test('if a worker dies after its commit and before its answer, the task is attempted again but counts once', async () => {
    const run = stage({
      script: ({ number }) => (number === 0 ? { does: 'die', afterMs: 10, committedFirst: true } : commits),
    });

    const { results, report } = await resolved(run);

    expect(results[0]).toMatchObject({ attemptId: 'm-00000.1', committed: false });
    expect(report).toMatchObject({ attempts: 2, failedAttempts: 1 });
    expect(run.pool.commits.get('m-00000')).toEqual(['m-00000.0']);
  });

  test('a stage whose workers die again and again still ends', async () => {
    let deaths = 0;
    const run = stage({
      taskCount: 40,
      workers: 4,
      script: ({ number, spec }) => {
        if (number >= 3 || (number + spec.index) % 4 === 3) return commits;
        deaths++;
        return { does: 'die', afterMs: 5 + ((spec.index * 7) % 20) };
      },
    });

    const { report } = await resolved(run);

    expect(deaths).toBeGreaterThan(50);
    expect(report).toMatchObject({ failedAttempts: deaths, attempts: 40 + deaths });
    expect([...run.pool.commits.values()].every(({ length }) => length === 1)).toBe(true);
  });

  test('an event listener that throws stops the stage', async () => {
    const run = stage({
      taskCount: 5,
      script: () => commits,
      onEvent: (event) => {
        if (event.kind === 'attempt-ended') throw new Error('display broke');
      },
    });

    const failure = await rejected(run);

    expect(failure.message).toContain('display broke');
    expect(run.pool.busy.size).toBe(0);
  });
});

describe('stalls', () => {
  test('an attempt without progress is killed, and another worker runs the task', async () => {
    const run = stage({
      policy: { stallTimeoutMs: 1_000 },
      script: ({ number }) => (number === 0 ? { does: 'hang' } : commits),
    });

    const { failures, report } = await resolved(run);

    expect(report).toMatchObject({ attempts: 2, failedAttempts: 1 });
    expect(failures[0]!.error).toMatchObject({
      name: 'TaskStalledError',
      details: { taskId: 'm-00000', attemptId: 'm-00000.0', file: '/data/input-0.txt', offsetBytes: 4096 },
    });
    expect(failures[0]!.error.message).toContain(
      'no progress for 1000 ms while it was reading the chunk at byte 4096 of /data/input-0.txt',
    );
    expect(run.pool.attempts[1]!.atMs).toBeLessThan(1_500);
  });

  test('a long attempt that makes progress is not killed', async () => {
    const run = stage({
      policy: { stallTimeoutMs: 1_000 },
      script: () => ({ does: 'commit', afterMs: 60_000 }),
    });

    const { report } = await resolved(run);

    expect(report).toMatchObject({ attempts: 1, failedAttempts: 0 });
  });

  test('an attempt that checks for cancellation is not killed, even if its progress does not change', async () => {
    const run = stage({
      policy: { stallTimeoutMs: 1_000 },
      script: () => ({ does: 'commit', afterMs: 60_000, checksOnly: true }),
    });

    const { report } = await resolved(run);

    expect(report).toMatchObject({ attempts: 1, failedAttempts: 0 });
  });

  test('an attempt that does not start has a timeout of its own', async () => {
    const run = stage({
      policy: { stallTimeoutMs: 300, startTimeoutMs: 5_000 },
      script: ({ number }) => (number === 0 ? { does: 'not begin' } : commits),
    });

    const { failures } = await resolved(run);

    expect(failures[0]!.error.message).toContain(
      'did not start within 5000 ms: its worker is still loading the job module',
    );
  });

  test('if a reused worker does not start an attempt, the error does not claim that it loads the job', async () => {
    const run = stage({
      policy: { startTimeoutMs: 5_000 },
      script: ({ number }) => (number === 0 ? { does: 'not begin', isReused: true } : commits),
    });

    const { failures } = await resolved(run);

    const { message } = failures[0]!.error;
    expect(message).toMatch(
      /did not start within 5000 ms: .* left running in an earlier task.*callbacks of timers/,
    );
    expect(message).not.toMatch(/loading|top-level/);
  });

  test('a pause of the whole process does not count as a stall', async () => {
    const run = stage({ policy: { stallTimeoutMs: 2_000 }, script: () => ({ does: 'hang' }) });
    await run.clock.advance(1_000);
    const realNow = run.clock.nowMs.bind(run.clock);
    run.clock.nowMs = () => realNow() + 3_600_000;

    await run.clock.advance(500);

    expect(run.pool.attempts).toHaveLength(1);
    await run.clock.advance(1_000);
    expect(run.pool.attempts[0]!.outcome).toBe('killed');
  });

  test('no attempt is killed for stalling if workers cannot be killed', async () => {
    const run = stage({
      workers: 1,
      canKill: false,
      policy: { stallTimeoutMs: 100 },
      script: () => ({ does: 'commit', afterMs: 10_000 }),
    });

    const { report } = await resolved(run);

    expect(report.failedAttempts).toBe(0);
  });
});

describe('backup attempts', () => {
  const slowLast =
    (slowMs: number, backup: Script) =>
    (attempt: StartedAttempt): Script => {
      if (attempt.spec.index !== 7) return { does: 'commit', afterMs: 2_000 };
      return attempt.number === 0 ? { does: 'commit', afterMs: slowMs } : backup;
    };

  test('a straggler near the end of the stage gets a backup; if that commits first, the straggler is stopped', async () => {
    const run = stage({
      taskCount: 8,
      workers: 4,
      script: slowLast(600_000, { does: 'commit', afterMs: 1_000 }),
    });

    const { report, results } = await resolved(run);

    expect(report).toMatchObject({ attempts: 9, backupAttempts: 1, failedAttempts: 0 });
    expect(results[7]!.attemptId).toBe('m-00007.1');
    expect(run.pool.of(7).map(({ outcome }) => outcome)).toEqual(['cancelled', 'committed']);
    // Started at 2,000; slower than 1.5 medians after 3,000, but never before 5,000.
    expect(run.pool.of(7)[1]!.atMs).toBeGreaterThan(7_000);
    expect(run.pool.of(7)[1]!.atMs).toBeLessThan(7_300);
  });

  test('a backup that loses is stopped and does not count as a failure', async () => {
    const run = stage({
      taskCount: 8,
      workers: 4,
      script: slowLast(6_000, { does: 'commit', afterMs: 50_000 }),
    });

    const { report, results, failures } = await resolved(run);

    expect(report).toMatchObject({ backupAttempts: 1, failedAttempts: 0 });
    expect(failures).toEqual([]);
    expect(results[7]!.attemptId).toBe('m-00007.0');
    expect(run.pool.of(7).map(({ outcome }) => outcome)).toEqual(['committed', 'cancelled']);
  });

  test('if the object that a backup committed is removed, the straggler commits it again and the stage succeeds', async () => {
    const run = stage({
      taskCount: 8,
      workers: 4,
      script: ({ spec, number }) => {
        if (spec.index !== 7) return { does: 'commit', afterMs: 2_000 };
        return number === 0
          ? { does: 'commit', afterMs: 6_350, ignoresCancel: true }
          : { does: 'commit', afterMs: 900 };
      },
    });
    // After the backup has committed, and before the straggler does, at 8,350.
    run.clock.after(8_250, () => run.pool.commits.delete('m-00007'));

    const { report, results } = await resolved(run);

    expect(report).toMatchObject({ attempts: 9, backupAttempts: 1, failedAttempts: 0 });
    expect(results[7]!.attemptId).toBe('m-00007.0');
  });

  test('a straggler that ignores cancellation is killed after the grace period', async () => {
    const run = stage({
      taskCount: 8,
      workers: 4,
      policy: { stopGraceMs: 500 },
      script: slowLast(600_000, { does: 'commit', afterMs: 1_000 }),
    });
    const deaf = stage({
      taskCount: 8,
      workers: 4,
      script: (attempt) =>
        attempt.spec.index === 7 && attempt.number === 0
          ? { does: 'commit', afterMs: 600_000, ignoresCancel: true }
          : slowLast(0, { does: 'commit', afterMs: 1_000 })(attempt),
    });

    const heard = await resolved(run);
    const { report } = await resolved(deaf);

    expect(deaf.pool.of(7).map(({ outcome }) => outcome)).toEqual(['killed', 'committed']);
    expect(report.failedAttempts).toBe(0);
    expect(report.wallMs - heard.report.wallMs).toBeLessThanOrEqual(600);
  });

  test('the result is that of the attempt that committed, even if the one that lost reports first', async () => {
    const run = stage({
      taskCount: 8,
      workers: 4,
      script: (attempt) => {
        if (attempt.spec.index !== 7) return { does: 'commit', afterMs: 2_000 };
        return attempt.number === 0
          ? { does: 'commit', afterMs: 6_000, ignoresCancel: true, answersLateMs: 300 }
          : { does: 'commit', afterMs: 1_000 };
      },
    });

    const { report, results } = await resolved(run);

    expect(run.pool.of(7).map(({ outcome }) => outcome)).toEqual(['committed', 'lost']);
    expect(results[7]).toMatchObject({ attemptId: 'm-00007.0', committed: true });
    expect(report).toMatchObject({ failedAttempts: 0, recordsRead: 80 });
  });

  test('each task gets at most one backup, and a failed backup does not stop the straggler', async () => {
    const run = stage({ taskCount: 8, workers: 4, script: slowLast(60_000, throws) });

    const { report, results } = await resolved(run);

    expect(report).toMatchObject({ attempts: 9, backupAttempts: 1, failedAttempts: 1 });
    expect(results[7]!.attemptId).toBe('m-00007.0');
  });

  test('a failed backup does not count as an attempt of its task', async () => {
    const failing = (tasks: number, afterMs: number) =>
      stage({
        taskCount: tasks,
        workers: 4,
        policy: { attemptsMax: 1 },
        script: ({ spec, number }) => {
          if (spec.index !== tasks - 1) return { does: 'commit', afterMs: 2_000 };
          return { ...throws, afterMs: number === 0 ? afterMs : 1_000 };
        },
      });

    const alone = await rejected(failing(1, 50));
    const withBackup = await rejected(failing(8, 8_000));

    expect(alone.message).toContain('failed 1 time (at most 1 attempt).');
    expect(withBackup.message).toContain('failed 1 time (at most 1 attempt).');
  });

  test('an attempt that fails while its backup runs is not retried', async () => {
    const run = stage({
      taskCount: 8,
      workers: 4,
      policy: { attemptsMax: 1 },
      script: (attempt) => {
        if (attempt.spec.index !== 7) return { does: 'commit', afterMs: 2_000 };
        return attempt.number === 0 ? { ...throws, afterMs: 8_000 } : { does: 'commit', afterMs: 3_000 };
      },
    });

    const { report, results } = await resolved(run);

    expect(report).toMatchObject({ attempts: 9, failedAttempts: 1 });
    expect(results[7]!.attemptId).toBe('m-00007.1');
  });

  test('none start if they are switched off, or before three quarters of the tasks have committed', async () => {
    const off = stage({
      taskCount: 8,
      workers: 4,
      policy: { backupAttempts: false },
      script: slowLast(60_000, commits),
    });
    const early = stage({
      taskCount: 4,
      workers: 4,
      script: ({ spec }) => ({ does: 'commit', afterMs: spec.index < 2 ? 100 : 60_000 }),
    });

    expect((await resolved(off)).report.backupAttempts).toBe(0);
    expect((await resolved(early)).report.backupAttempts).toBe(0);
  });
});

describe('cancellation', () => {
  test('an abort rejects with CancelledError after every worker has stopped', async () => {
    const controller = new AbortController();
    const run = stage({
      taskCount: 10,
      workers: 3,
      signal: controller.signal,
      script: ({ spec }) => (spec.index === 5 ? { does: 'hang' } : { does: 'commit', afterMs: 1_000 }),
    });
    await run.clock.advance(1_500);

    controller.abort();
    const failure = await rejected(run);

    expect(failure.name).toBe('CancelledError');
    expect(failure.message).toContain('3 of 10 tasks had committed');
    expect(run.pool.busy.size).toBe(0);
    expect(run.clock.nowMs()).toBeLessThanOrEqual(2_200);
    expect(run.pool.attempts).toHaveLength(6);
  });

  test('with a signal that is already aborted, nothing starts', async () => {
    const run = stage({ signal: AbortSignal.abort(), script: () => commits });

    const failure = await rejected(run);

    expect(failure.name).toBe('CancelledError');
    expect(run.pool.attempts).toEqual([]);
    expect(run.events).toEqual([]);
  });

  test('a task that waits for its next attempt does not prevent the stage from ending', async () => {
    const controller = new AbortController();
    const run = stage({
      signal: controller.signal,
      policy: { backoffMsBase: 60_000, backoffMsMax: 60_000 },
      script: () => throws,
    });
    await run.clock.advance(200);

    controller.abort();
    await rejected(run);

    expect(run.clock.nowMs()).toBe(200);
    expect(run.clock.timers).toBe(0);
  });
});
