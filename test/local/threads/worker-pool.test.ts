import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { MapReduceError } from '../../../src/base/errors.ts';
import { attemptId } from '../../../src/base/ids.ts';
import { LIMITS, MiB } from '../../../src/base/limits.ts';
import { Scratch } from '../../../src/local/run/scratch.ts';
import { runStage } from '../../../src/local/schedule/run-stage.ts';
import type { StageOptions } from '../../../src/local/schedule/stage-options.ts';
import { type StartedThread, startThread } from '../../../src/local/threads/start-thread.ts';
import type { WorkerOutput } from '../../../src/local/threads/worker-output.ts';
import { WorkerPool } from '../../../src/local/threads/worker-pool.ts';
import type { JobEvent } from '../../../src/report/report.ts';
import { mapTasks } from '../schedule/scripted-pool.ts';
import type { Behaviour, ScriptedConfiguration, ScriptedData } from './scripted-worker.ts';

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const ENTRY = new URL('./scripted-worker.ts', import.meta.url);

function makePool(
  behaviours: readonly Behaviour[],
  options: {
    workers?: number;
    memoryBytes?: number;
    always?: boolean;
    data?: Partial<ScriptedData>;
    started?: StartedThread;
  } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'worker-pool-test-'));
  const commitFolder = join(folder, 'commits');
  mkdirSync(commitFolder);
  const scratch = new Scratch(join(folder, 'scratch'));
  const output: WorkerOutput[] = [];
  const gate = new SharedArrayBuffer(4);
  const pool = new WorkerPool({
    workers: options.workers ?? 2,
    entry: ENTRY,
    started: options.started,
    workerData: { meeting: new SharedArrayBuffer(4), gate, ...options.data } satisfies ScriptedData,
    memoryBytes: options.memoryBytes ?? 64 * MiB,
    scratch,
    onOutput: (part) => output.push(part),
  });
  pool.configure({
    commitFolder,
    behaviours,
    always: options.always ?? false,
  } satisfies ScriptedConfiguration);
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  cleanUps.push(() => pool.close());
  const tasks = mapTasks(behaviours.length);
  const run = (more: Partial<StageOptions> = {}) =>
    runStage({
      stage: 'map',
      tasks,
      pool,
      clock: systemClock,
      random: Math.random,
      ...more,
      policy: { pollIntervalMs: 20, progressIntervalMs: 20, backoffMsMax: 20, ...more.policy },
    });
  /** Lets waiting attempts commit. */
  const openGate = () => void Atomics.store(new Int32Array(gate), 0, 1);
  return { pool, run, tasks, scratch, output, openGate, commits: () => readdirSync(commitFolder).sort() };
}

const commit: Behaviour = { does: 'commit' };

/** Resolves when this many attempts run and have read a record. */
function whenAtWork(attempts: number) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onEvent = (event: JobEvent) => {
    if (event.kind === 'progress' && event.progress.running === attempts && event.progress.records > 0)
      resolve();
  };
  return { atWork: promise, onEvent };
}

describe('attempts on worker threads', () => {
  test('run at the same time', async () => {
    const { run } = makePool([
      { does: 'meet', attempts: 2 },
      { does: 'meet', attempts: 2 },
    ]);

    const { results } = await run();

    const threads = results.map(({ counters }) => counters.threadId);
    expect(new Set(threads).size).toBe(2);
  });

  test('report whether their worker had already done some work', async () => {
    const { pool, tasks } = makePool([commit, commit], { workers: 2 });
    const start = async (worker: number, task: number) => {
      const handle = pool.start(worker, tasks[task]!, attemptId(tasks[task]!.taskId, 0));
      await handle.result;
      return handle.isReused;
    };

    const reused = [await start(0, 0), await start(0, 1), await start(1, 1)];

    expect(reused).toEqual([false, true, false]);
  });

  describe('with a thread that was started before the pool', () => {
    const begin = (memoryBytes: number, started: StartedThread) => {
      cleanUps.push(async () => void (await started.thread.terminate()));
      const { pool, tasks } = makePool([commit], { workers: 1, memoryBytes, started });
      return pool.start(0, tasks[0]!, attemptId(tasks[0]!.taskId, 0)).result;
    };

    test('run on it', async () => {
      const started = startThread(ENTRY);
      const { threadId } = started.thread;

      const { counters } = await begin(LIMITS.memoryBytesDefault, started);

      expect(counters.threadId).toBe(threadId);
    });

    test('run on another one, and end it, if its heap has other limits', async () => {
      const started = startThread(ENTRY);
      const { threadId } = started.thread;
      const ended = once(started.thread, 'exit');

      const { counters } = await begin(64 * MiB, started);

      expect(counters.threadId).not.toBe(threadId);
      expect(await ended).toHaveLength(1);
    });

    test('run on another one if it has ended', async () => {
      const started = startThread(ENTRY);
      const { threadId } = started.thread;
      await started.thread.terminate();

      const { counters } = await begin(LIMITS.memoryBytesDefault, started);

      expect(counters.threadId).not.toBe(threadId);
    });
  });

  test('start a worker only when there is a task for it, and run one at a time on it', async () => {
    const { run } = makePool([commit, commit, commit, commit, commit], { workers: 1 });

    const { results, report } = await run();

    expect(new Set(results.map(({ counters }) => counters.threadId)).size).toBe(1);
    expect(report).toMatchObject({ attempts: 5, failedAttempts: 0 });
  });

  test('report progress while the worker computes without a pause', async () => {
    const { run, openGate } = makePool([{ does: 'commit', waits: true }]);
    const seen = new Set<number>();

    await run({
      onEvent: (event) => {
        if (event.kind === 'progress') seen.add(event.progress.records);
        if (seen.size > 4) openGate();
      },
    });

    expect([...seen]).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.size).toBeGreaterThan(4);
  });

  test('fail with the error that the task throws, including its cause and position', async () => {
    const { run } = makePool([{ does: 'throw' }], { always: true });

    const failure = await run({ policy: { attemptsMax: 2 } }).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(MapReduceError);
    expect(failure).toMatchObject({
      name: 'TaskFailedError',
      details: { taskId: 'm-00000', attemptId: 'm-00000.1', file: '/data/a.txt', offsetBytes: 7 },
      cause: {
        name: 'UserCodeError',
        message: 'map threw: boom',
        cause: { name: 'RangeError', message: 'boom' },
      },
    });
  });

  test('fail at once if the job does not load', async () => {
    const { run } = makePool([commit, commit], { data: { failsToLoad: true } });

    await expect(run()).rejects.toMatchObject({ name: 'JobDefinitionError' });
  });
});

describe('workers that fail', () => {
  test('process.exit in a task ends one attempt and not the process', async () => {
    const { run } = makePool([commit, { does: 'exit' }, commit]);

    const { failures, report } = await run();

    expect(report).toMatchObject({ attempts: 4, failedAttempts: 1 });
    expect(failures[0]!.error).toMatchObject({
      name: 'WorkerDiedError',
      details: { taskId: 'm-00001', attemptId: 'm-00001.0', file: '/data/input-1.txt', offsetBytes: 262_144 },
    });
    expect(failures[0]!.error.message).toContain(
      "in map attempt m-00001.0 while it was reading the chunk at byte 262144 of /data/input-1.txt: the job's code called process.exit(7)",
    );
  });

  test('an uncaught error ends one attempt and is reported', async () => {
    const { run } = makePool([{ does: 'throw uncaught' }, commit]);

    const { failures, report } = await run();

    expect(report).toMatchObject({ attempts: 3, failedAttempts: 1 });
    expect(failures[0]!.error.name).toBe('WorkerDiedError');
    expect(failures[0]!.error.message).toContain('TypeError: in a timer');
    expect(failures[0]!.error.details?.userStack).toContain('scripted-worker.ts');
  });

  test('a task that loops forever is killed, and another worker runs it', async () => {
    const { run } = makePool([{ does: 'loop' }, commit, commit]);

    const { failures, report } = await run({ policy: { stallTimeoutMs: 300, attemptsMax: 1_000 } });

    // On a busy machine, attempts that get no CPU time may stall as well.
    expect(new Set(failures.map(({ error }) => error.name))).toEqual(new Set(['TaskStalledError']));
    expect(report).toMatchObject({ attempts: 3 + failures.length, failedAttempts: failures.length });
    expect(failures.find(({ attemptId }) => attemptId === 'm-00000.0')!.error).toMatchObject({
      name: 'TaskStalledError',
      details: { taskId: 'm-00000', file: '/data/input-0.txt', offsetBytes: 262_144 },
    });
  });

  test.each([
    { into: 'array', checks: true },
    { into: 'array', checks: false },
    { into: 'map', checks: true },
    { into: 'map', checks: false },
  ] as const)('a task that fills the heap ends one attempt and not the process: %j', async (how) => {
    const { run } = makePool([{ does: 'fill the heap', ...how }, commit], { memoryBytes: 32 * MiB });

    // V8 is slow when a heap is nearly full.
    const { failures, report } = await run({ policy: { stallTimeoutMs: 3_600_000 } });

    expect(report).toMatchObject({ attempts: 3, failedAttempts: 1 });
    expect(failures[0]!.error.name).toBe('WorkerOutOfMemoryError');
    expect(failures[0]!.error.message).toContain(
      'ran out of JavaScript heap (at most 192 MiB) in map attempt m-00000.0 while it was reading the chunk at byte 262144 of /data/input-0.txt',
    );
  });

  test('a worker whose heap was full is replaced, because the job module may keep the data that filled it', async () => {
    const { run } = makePool([commit, { does: 'fill the heap', into: 'map', checks: true }, commit], {
      workers: 1,
    });

    const { results } = await run();

    expect(results[1]!.counters.threadId).not.toBe(results[0]!.counters.threadId);
  });

  test('a worker that died is replaced by a new thread, and the others keep theirs', async () => {
    const { run } = makePool([commit, { does: 'exit' }, commit, commit], { workers: 1 });

    const { results } = await run();

    const threads = results.map(({ counters }) => counters.threadId);
    expect(threads[0]).not.toBe(threads[1]);
    expect(new Set(threads).size).toBe(2);
  });

  test('fifty kills at random moments: every task commits exactly once', async () => {
    const tasks = 60;
    const { run, pool, commits, openGate, scratch } = makePool(
      // The last tasks keep running so that there is always something to kill.
      Array.from({ length: tasks }, (_, i): Behaviour => ({ does: 'commit', workMs: 40, waits: i > 56 })),
      { workers: 3, always: true },
    );
    let hasEnded = false;
    let kills = 0;
    let deaths = 0;
    let committed = 0;
    const busy = new Set<number>();
    const killer = async () => {
      while (!hasEnded && deaths < 50) {
        await sleep(Math.random() * 15);
        const [worker] = [...busy].sort(() => Math.random() - 0.5);
        if (worker === undefined) continue;
        busy.delete(worker);
        kills++;
        void pool.crash(worker);
      }
      openGate();
    };

    const running = run({
      policy: { attemptsMax: 1_000 },
      onEvent: (event) => {
        if (event.kind === 'attempt-started') busy.add(event.worker);
        else if (event.kind === 'attempt-ended' || event.kind === 'attempt-failed') busy.delete(event.worker);
        if (event.kind === 'attempt-failed') deaths++;
        if (event.kind === 'attempt-ended' && event.committed) committed++;
      },
    });
    const killing = killer();
    const { results, report, failures } = await running.finally(() => {
      hasEnded = true;
    });
    await killing;

    expect(new Set(failures.map(({ error }) => error.name))).toEqual(new Set(['WorkerDiedError']));
    expect(report.failedAttempts).toBeGreaterThanOrEqual(50);
    // A kill may come after its attempt has ended.
    expect(report.failedAttempts).toBeLessThanOrEqual(kills);
    expect(results).toHaveLength(tasks);
    expect(commits()).toHaveLength(tasks);
    expect(committed).toBeLessThanOrEqual(tasks);
    expect(readdirSync(scratch.folder)).toEqual([]);
  });
});

describe('stopping', () => {
  test('a computing attempt notices that it should stop', async () => {
    const { run, pool, tasks } = makePool([{ does: 'work on', checks: true }]);
    const controller = new AbortController();
    const { atWork, onEvent } = whenAtWork(1);
    const started = run({ signal: controller.signal, onEvent, policy: { stopGraceMs: 3_600_000 } });
    await atWork;

    controller.abort();

    await expect(started).rejects.toMatchObject({ name: 'CancelledError' });
    // The same thread runs the next attempt.
    const handle = pool.start(0, tasks[0]!, attemptId(tasks[0]!.taskId, 1));
    await expect(handle.result).resolves.toMatchObject({ committed: true });
  });

  test('an attempt that ignores cancellation is killed soon', async () => {
    const { run } = makePool([{ does: 'work on', checks: false }, { does: 'loop' }]);
    const controller = new AbortController();
    const { atWork, onEvent } = whenAtWork(2);
    const policy = { stopGraceMs: 100, stallTimeoutMs: 3_600_000 };
    const started = run({ signal: controller.signal, onEvent, policy });
    await atWork;
    const abortedMs = performance.now();

    controller.abort();

    await expect(started).rejects.toMatchObject({ name: 'CancelledError' });
    // Of a second on a machine that has time.
    expect(performance.now() - abortedMs).toBeLessThan(30_000);
  });

  test('closing the pool fails running attempts and leaves no scratch folder', async () => {
    const { pool, tasks, scratch } = makePool([{ does: 'loop' }]);
    const handle = pool.start(0, tasks[0]!, attemptId(tasks[0]!.taskId, 0));
    const result = handle.result.catch((error: unknown) => error);
    while (handle.progress()?.chunkOffsetBytes !== 262_144) await sleep(5);

    await pool.close();

    expect(await result).toMatchObject({ name: 'WorkerDiedError' });
    expect(readdirSync(scratch.folder)).toEqual([]);
    expect(() => pool.start(0, tasks[0]!, attemptId(tasks[0]!.taskId, 1))).toThrow('closed');
  });

  test('the scratch folder is created with the first attempt and removed at the end', async () => {
    const { run, scratch } = makePool([commit, { does: 'throw' }, { does: 'exit' }]);
    expect(existsSync(scratch.folder)).toBe(false);
    await run();

    expect(readdirSync(scratch.folder)).toEqual([]);
    await scratch.remove();

    expect(existsSync(scratch.folder)).toBe(false);
  });
});

describe('output of user code', () => {
  test('arrives in whole lines, completely, before the pool is closed', async () => {
    const lines = Array.from({ length: 2_000 }, (_, i) => [`line ${i} `, `of ünïcode 🎉\n`]).flat();
    const { run, output, pool } = makePool([
      { does: 'commit', prints: lines },
      { does: 'commit', prints: lines },
    ]);

    await run();
    await pool.close();

    expect(output.every(({ text }) => text.endsWith('\n'))).toBe(true);
    for (const worker of [0, 1]) {
      const text = output.flatMap((part) => (part.worker === worker ? [part.text] : [])).join('');
      expect(text).toBe(lines.join(''));
    }
  });

  test('arrives even if the pool is closed right after the last answer', async () => {
    const lines = Array.from({ length: 3_000 }, (_, i) => `line ${i}\n`);
    for (let repeat = 0; repeat < 5; repeat++) {
      const { pool, tasks, output } = makePool([{ does: 'commit', prints: lines }], { workers: 1 });

      await pool.start(0, tasks[0]!, attemptId(tasks[0]!.taskId, 0)).result;
      await pool.close();

      expect(output.map(({ text }) => text).join('')).toBe(lines.join(''));
    }
  });

  test('also arrives from a worker that exits', async () => {
    const { run, output } = makePool([{ does: 'exit', prints: 'last words' }]);

    await run();

    expect(output).toContainEqual({ stream: 'stdout', worker: 0, text: 'last words\n' });
  });
});
