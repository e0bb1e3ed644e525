/**
 * The failures that a MapReduce has to survive, on real worker threads. The result of each run is compared byte for byte with
 * that of the sequential run, which uses one worker and runs one task at a time.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { MiB } from '../../src/base/limits.ts';
import { runEmbedded } from '../../src/local/run/embedded-run.ts';
import type { EmbeddedRunOptions } from '../../src/local/run/run-options.ts';
import type { WorkerPool } from '../../src/local/threads/worker-pool.ts';
import type { JobEvent, JobReport } from '../../src/report/report.ts';
import { folderOfFile } from '../helpers/temporary-folder.ts';

/** These hold times. */
const TIMED = ['manifest.json', '_attempts.jsonl.gz'];

const LINES = 12_000;
const folder = folderOfFile('scenarios');
let input: string;
let oracle: Record<string, string>;

beforeAll(async () => {
  input = join(folder, 'input.txt');
  writeFileSync(input, text(LINES));
  oracle = (await run('oracle', { workers: 'sequential' })).result;
});

describe('the four classic scenarios', () => {
  test('sequential: one worker runs one task at a time and counts every word', async () => {
    const counts = new Map<string, number>();
    for (const line of text(LINES).trimEnd().split('\n')) {
      for (const word of line.split(' ')) counts.set(word, (counts.get(word) ?? 0) + 1);
    }

    const { result, report, events } = await run('sequential', { workers: 'sequential' });

    const lines = Object.keys(result)
      .filter((name) => name.startsWith('part-'))
      .flatMap((name) => result[name]!.split('\n').filter((line) => line !== ''));
    expect(new Map(lines.map((line) => line.split('\t') as [string, string]))).toEqual(
      new Map([...counts].map(([word, count]) => [word, String(count)])),
    );
    expect(report.counters).toEqual({ lines: LINES });
    expect(workersOf(events)).toBe(1);
  });

  test('parallel: two map tasks run at the same time, and the result is the same', async () => {
    const { result, marks } = await run('parallel', { workers: 2 }, 'meet');

    expect(result).toEqual(oracle);
    // Each of these waited for the other in the middle of its split.
    expect(marks.filter((name) => name.startsWith('met-')).length).toBeGreaterThanOrEqual(2);
  });

  test('one worker killed in the middle of a task: another worker retries it, and the result is the same', async () => {
    let pool: WorkerPool | undefined;
    let tasksLeft = 0;
    const killed: string[] = [];
    const busy = new Map<number, string>();

    const { result, report, events } = await run(
      'one-killed',
      {
        workers: 2,
        stallTimeoutMs: 3_600_000,
        backupAttempts: false,
        onEvent: (event) => {
          if (event.kind === 'planned') tasksLeft = event.stages[0]!.tasks;
          if (event.kind === 'attempt-started') busy.set(event.worker, event.attemptId);
          if (event.kind !== 'attempt-ended') return;
          busy.delete(event.worker);
          // When all other map tasks have committed, the remaining one waits in the middle of its split.
          if (--tasksLeft !== 1) return;
          const [worker, attempt] = [...busy][0]!;
          killed.push(attempt);
          void pool!.crash(worker);
        },
      },
      'wait-to-be-killed',
      (made) => {
        pool = made;
      },
    );

    expect(killed).toHaveLength(1);
    expect(failures(events)).toEqual(['WorkerDiedError']);
    expect(report.failures.map(({ attemptId }) => attemptId)).toEqual(killed);
    expect(result).toEqual(oracle);
    expect(report.counters).toEqual({ lines: LINES });
  });

  test('many failures: workers killed again and again, at random moments, and the result is the same', async () => {
    let pool: WorkerPool | undefined;
    let kills = 0;
    let deaths = 0;
    const mark = join(folder, 'many-killed', 'marks', 'many-killed');
    const timers: NodeJS.Timeout[] = [];

    const { result, report, events } = await run(
      'many-killed',
      {
        workers: 3,
        attemptsMax: 200,
        onEvent: (event) => {
          // No attempt can commit before that, so a late kill still finds its attempt.
          if (event.kind === 'attempt-failed' && ++deaths === 10) writeFileSync(mark, '');
          if (event.kind !== 'attempt-started' || kills >= 25) return;
          const { worker } = event;
          kills++;
          timers.push(setTimeout(() => void pool!.crash(worker), Math.random() * 15));
        },
      },
      'wait-for-many-kills',
      (made) => {
        pool = made;
      },
    );
    for (const timer of timers) clearTimeout(timer);

    expect(new Set(failures(events))).toEqual(new Set(['WorkerDiedError']));
    expect(deaths).toBeGreaterThanOrEqual(10);
    expect(result).toEqual(oracle);
    expect(report.counters).toEqual({ lines: LINES });
  });
});

describe('further failures', () => {
  test('a worker that hangs is replaced after it has made no progress for the stall timeout', async () => {
    const options = { workers: 2, stallTimeoutMs: 1_000, attemptsMax: 100, backupAttempts: false };
    const { result, events } = await run('hang', options, 'hang-once');

    // On a busy machine, a new worker may seem to hang as well.
    expect(new Set(failures(events))).toEqual(new Set(['TaskStalledError']));
    expect(result).toEqual(oracle);
  });

  test('a worker that runs out of memory does not affect the others', async () => {
    // On a slow machine, a backup attempt could commit first and stop the attempt that fills its heap.
    const options = { workers: 2, stallTimeoutMs: 3_600_000, backupAttempts: false };
    const { result, events } = await run('heap', options, 'fill-heap-once');

    expect(failures(events)).toEqual(['WorkerOutOfMemoryError']);
    expect(result).toEqual(oracle);
  });

  test("every task's first attempt fails, map and reduce, and the result is the same", async () => {
    const { result, report, events } = await run('first-attempts', { workers: 2 }, 'fail-first-attempts');

    const started = events.flatMap((event) => (event.kind === 'attempt-started' ? [event.taskId] : []));
    for (const task of new Set(started)) {
      expect(started.filter((other) => other === task).length, task).toBeGreaterThanOrEqual(2);
    }
    expect(new Set(failures(events))).toEqual(new Set(['UserCodeError']));
    expect(result).toEqual(oracle);
    expect(report.counters).toEqual({ lines: LINES });
  });
});

interface ScenarioRun {
  /** Every file of the output except the manifest, which contains times. */
  readonly result: Record<string, string>;
  readonly report: JobReport;
  readonly events: readonly JobEvent[];
  readonly marks: readonly string[];
}

async function run(
  name: string,
  options: Partial<EmbeddedRunOptions>,
  harm = 'none',
  onPool?: (pool: WorkerPool) => void,
): Promise<ScenarioRun> {
  const output = join(folder, name, 'output');
  const marks = join(folder, name, 'marks');
  mkdirSync(marks, { recursive: true });
  const events: JobEvent[] = [];
  const report = await runEmbedded(
    {
      jobModule: new URL('./job.ts', import.meta.url),
      inputs: [input],
      output,
      reducers: 4,
      splitSizeBytes: 40_000,
      memoryBytes: 32 * MiB,
      ...options,
      onEvent: (event) => {
        events.push(event);
        options.onEvent?.(event);
      },
      params: { marks, harm },
    },
    onPool === undefined ? {} : { onPool },
  );
  const names = readdirSync(output).filter((file) => !TIMED.includes(file));
  const result = Object.fromEntries(
    names.sort().map((file) => [file, readFileSync(join(output, file), 'latin1')]),
  );
  return { result, report, events, marks: readdirSync(marks) };
}

function failures(events: readonly JobEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'attempt-failed' ? [event.error.name] : []));
}

function workersOf(events: readonly JobEvent[]): number {
  return new Set(events.flatMap((event) => (event.kind === 'attempt-started' ? [event.worker] : []))).size;
}

/** Returns the same text on every call: 500 words, some much more frequent than others. */
function text(lines: number): string {
  let state = 7;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
  return `${Array.from({ length: lines }, () =>
    Array.from({ length: 1 + next(10) }, () => `w${next(1 + next(500))}`).join(' '),
  ).join('\n')}\n`;
}
