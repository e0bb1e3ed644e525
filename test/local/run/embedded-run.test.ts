import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { MapReduceError } from '../../../src/base/errors.ts';
import { MiB } from '../../../src/base/limits.ts';
import { type EmbeddedRunHooks, runEmbedded } from '../../../src/local/run/embedded-run.ts';
import type { EmbeddedRunOptions } from '../../../src/local/run/run-options.ts';
import type { WorkerPool } from '../../../src/local/threads/worker-pool.ts';
import type { JobEvent } from '../../../src/report/report.ts';

/** These hold times. */
const TIMED = ['manifest.json', '_attempts.jsonl.gz'];

const WORDS = new URL('./jobs/words.ts', import.meta.url);
const MATCHES = new URL('./jobs/matches.ts', import.meta.url);

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** Lines over 40 words, the same for the same seed; every 997th holds `trigger` and its own number. */
function makeText(lines: number, seed = 1): string {
  let state = seed;
  const next = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const words = Array.from(
    { length: 40 },
    (_, i) => `word${'abcdefghij'[i % 10]}${'klmn'[Math.floor(i / 10)]}`,
  );
  return Array.from({ length: lines }, (_, i) => {
    const line = Array.from({ length: 1 + next(12) }, () => words[next(words.length)]);
    if (i % 7 === 0) line.push('quick');
    if (i % 997 === 500) line.push('trigger', 'abcdefghij'[Math.floor(i / 997) % 10]);
    return `${line.join(' ')}\n`;
  }).join('');
}

function countWords(text: string): string {
  const counts = new Map<string, number>();
  for (const word of text.match(/[a-z]+/g) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([word, count]) => `${word}\t${count}\n`)
    .join('');
}

function setting(text = makeText(6_000)) {
  const folder = mkdtempSync(join(tmpdir(), 'embedded-run-test-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  const input = join(folder, 'input.txt');
  writeFileSync(input, text);
  const output = join(folder, 'output');
  const marks = join(folder, 'marks');
  mkdirSync(marks);
  const events: JobEvent[] = [];
  const run = (options: Partial<EmbeddedRunOptions> = {}, hooks: EmbeddedRunHooks = {}) =>
    runEmbedded(
      {
        jobModule: WORDS,
        inputs: [input],
        output,
        workers: 2,
        reducers: 3,
        splitSizeBytes: 30_000,
        memoryBytes: 32 * MiB,
        // If the machine pauses for seconds, a backup attempt could start, and the attempts would depend on chance.
        backupAttempts: false,
        onEvent: (event) => events.push(event),
        ...options,
        params: { marks, ...options.params },
      },
      hooks,
    );
  return { folder, input, output, events, run, text };
}

/** The sorted records of all parts, which do not depend on the number of reducers. */
function sortedResult(output: string): string {
  return partsOf(output)
    .flatMap((name) => readFileSync(join(output, name), 'utf8').split(/(?<=\n)/))
    .sort()
    .join('');
}

function partsOf(output: string): string[] {
  return readdirSync(output)
    .filter((name) => name.startsWith('part-'))
    .sort();
}

/** Every file of the result except the manifest, which contains times. */
function bytesOf(output: string): Record<string, string> {
  const names = readdirSync(output).filter((name) => !TIMED.includes(name));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(output, name), 'latin1')]));
}

async function failureOf(run: Promise<unknown>): Promise<MapReduceError> {
  return run.then(
    () => {
      throw new Error('the job was expected to fail');
    },
    (error: MapReduceError) => error,
  );
}

const failedWith = (events: readonly JobEvent[]) =>
  events.flatMap((event) => (event.kind === 'attempt-failed' ? [event.error.name] : []));

describe('an embedded run', () => {
  test('counts words like a loop over the text, and leaves only the result', async () => {
    const { run, output, text } = setting();

    const report = await run();

    expect(sortedResult(output)).toBe(countWords(text));
    expect(readdirSync(output).sort()).toEqual([
      '_SUCCESS',
      '_attempts.jsonl.gz',
      'manifest.json',
      'part-r-00000.tsv',
      'part-r-00001.tsv',
      'part-r-00002.tsv',
    ]);
    expect(JSON.parse(readFileSync(join(output, 'manifest.json'), 'utf8'))).toEqual(report);
    expect(report.counters).toEqual({ lines: 6_000 });
    expect(report.stages).toMatchObject([
      { stage: 'map', tasks: report.input.splits, recordsRead: 6_000, failedAttempts: 0 },
      { stage: 'reduce', tasks: 3, failedAttempts: 0 },
    ]);
    expect(report.input.splits).toBeGreaterThan(5);
    expect(report.parts.map(({ bytes }) => bytes)).toEqual(
      partsOf(output).map((name) => statSync(join(output, name)).size),
    );
  });

  test('gives the same bytes sequentially and with any number of workers', async () => {
    const { run, output } = setting();
    await run({ workers: 'sequential' });
    const oracle = bytesOf(output);

    for (const workers of [1, 2, 4]) {
      await run({ workers, overwrite: true });

      expect(bytesOf(output)).toEqual(oracle);
    }
  });

  test('merges the parts into one file sorted by key', async () => {
    const { run, output, text } = setting();

    const report = await run({ merge: true });

    expect(readFileSync(join(output, 'merged.tsv'), 'utf8')).toBe(countWords(text));
    expect(readdirSync(output).sort()).toEqual([
      '_SUCCESS',
      '_attempts.jsonl.gz',
      'manifest.json',
      'merged.tsv',
    ]);
    expect(report.parts).toMatchObject([{ name: 'merged.tsv' }]);
  });

  test('runs a job without a reduce, with parts in the order of the input', async () => {
    const { input, output, text } = setting();

    const report = await runEmbedded({
      jobModule: MATCHES,
      inputs: [input],
      output,
      workers: 2,
      splitSizeBytes: 30_000,
    });

    const lines = text.split('\n').filter((line) => line.includes('quick'));
    const found = partsOf(output)
      .map((name) => readFileSync(join(output, name), 'utf8'))
      .join('');
    expect(
      found
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split('\t')[1]),
    ).toEqual(lines);
    expect(report.stages).toHaveLength(1);
  });

  test('an input without records is a valid job with empty parts', async () => {
    const { run, output } = setting('');

    const report = await run();

    expect(report.input).toMatchObject({ files: 1, bytes: 0, splits: 0 });
    expect(sortedResult(output)).toBe('');
    expect(existsSync(join(output, '_SUCCESS'))).toBe(true);
  });

  test('map tasks overlap', async () => {
    const { run, events } = setting();
    await run();

    let running = 0;
    let runningMax = 0;
    for (const { kind } of events) {
      if (kind === 'attempt-started') runningMax = Math.max(runningMax, ++running);
      if (kind === 'attempt-ended') running--;
    }
    expect(runningMax).toBe(2);
  });
});

describe('workers that fail in a job', () => {
  test.each([
    ['exit', 'WorkerDiedError'],
    ['hang', 'TaskStalledError'],
    ['throw', 'UserCodeError'],
    ['fill-the-heap', 'WorkerOutOfMemoryError'],
  ])('map code that misbehaves once: %s', async (misbehave, errorName) => {
    const { run, output, text, events } = setting(makeText(1_000));

    const report = await run({
      params: { misbehave },
      stallTimeoutMs: misbehave === 'hang' ? 500 : 3_600_000,
      attemptsMax: 100,
    });

    expect(sortedResult(output)).toBe(countWords(text));
    expect(report.counters).toEqual({ lines: 1_000 });
    const failed = failedWith(events);
    expect(new Set(failed)).toEqual(new Set([errorName]));
    // On a busy machine, attempts that get no CPU time may stall as well.
    if (misbehave !== 'hang') expect(failed).toHaveLength(1);
    expect(report.failures).toHaveLength(failed.length);
  });

  test('many workers that die by themselves change no byte of the result', async () => {
    const { run, output, text, events } = setting();

    const report = await run({ params: { misbehave: 'exit-often' }, attemptsMax: 100 });

    expect(sortedResult(output)).toBe(countWords(text));
    expect(report.counters).toEqual({ lines: 6_000 });
    expect(failedWith(events).every((name) => name === 'WorkerDiedError')).toBe(true);
  });

  test('workers that are killed at random moments, in map and reduce, change no byte of the result', async () => {
    const { run, output, text } = setting(makeText(20_000));
    const oracle = countWords(text);
    let kills = 0;

    for (let round = 0; round < 3; round++) {
      let pool: WorkerPool | undefined;
      const report = await run(
        {
          attemptsMax: 100,
          overwrite: true,
          onEvent: (event) => {
            if (event.kind !== 'attempt-started' || Math.random() < 0.6) return;
            setTimeout(() => {
              kills++;
              void pool!.crash(event.worker);
            }, Math.random() * 12);
          },
        },
        {
          onPool: (made) => {
            pool = made;
          },
        },
      );

      expect(sortedResult(output)).toBe(oracle);
      expect(report.counters).toEqual({ lines: 20_000 });
    }

    expect(kills).toBeGreaterThan(10);
  });
});

describe('a damaged shuffle', () => {
  const intermediate = (output: string, ...path: string[]) => {
    const hidden = join(output, '.mapreduce');
    const job = readdirSync(hidden).find((name) => name.startsWith('job-'))!;
    return join(hidden, job, 'work', ...path);
  };
  const shuffleObject = (output: string, map: number) => intermediate(output, 'shuffle', `m-0000${map}`);
  const flip = (path: string, at: number) => {
    const bytes = readFileSync(path);
    bytes[at]! ^= 4;
    writeFileSync(path, bytes);
  };

  /** Damages something once: when the first stage has ended but its barrier is open, when reduce starts, or when it has ended. */
  const harm = (at: 'stage-ended' | 'reduce started' | 'reduce ended', doHarm: () => void) => {
    const events: JobEvent[] = [];
    let isDone = false;
    const onEvent = (event: JobEvent) => {
      events.push(event);
      const [kind, stage] = at === 'stage-ended' ? [at, 'map'] : [`stage-${at.split(' ')[1]}`, 'reduce'];
      const stageOfEvent =
        event.kind === 'stage-started'
          ? event.stage
          : event.kind === 'stage-ended'
            ? event.report.stage
            : undefined;
      const isNow = event.kind === kind && stageOfEvent === stage;
      if (!isNow || isDone) return;
      isDone = true;
      doHarm();
    };
    return { onEvent, events };
  };

  test.each(['stage-ended', 'reduce started'] as const)(
    'a flipped bit (%s) is found, and its map task runs again',
    async (at) => {
      const { run, output, text } = setting();
      const { onEvent, events } = harm(at, () => {
        flip(shuffleObject(output, 2), 60);
      });

      const report = await run({ onEvent });

      expect(sortedResult(output)).toBe(countWords(text));
      expect(failedWith(events).length).toBeGreaterThan(0);
      expect(new Set(failedWith(events))).toEqual(new Set(['CorruptShuffleError']));
      expect(
        events.some((event) => event.kind === 'attempt-started' && event.attemptId === 'm-00002.1'),
      ).toBe(true);
      expect(report.counters).toEqual({ lines: 6_000 });
    },
  );

  test.each(['stage-ended', 'reduce started'] as const)('missing objects (%s) are recreated', async (at) => {
    const { run, output, text } = setting();
    const { onEvent, events } = harm(at, () => {
      unlinkSync(shuffleObject(output, 1));
      unlinkSync(shuffleObject(output, 3));
    });

    const report = await run({ onEvent });

    expect(sortedResult(output)).toBe(countWords(text));
    const again = events.flatMap((event) =>
      event.kind === 'attempt-started' && /^m-.*\.1$/.test(event.attemptId) ? [event.attemptId] : [],
    );
    expect(again.sort()).toEqual(['m-00001.1', 'm-00003.1']);
    expect(report.counters).toEqual({ lines: 6_000 });
  });

  test.each([
    ['flipped', (path: string) => flip(path, statSync(path).size - 5)],
    ['missing', (path: string) => unlinkSync(path)],
  ])('an index that is %s is written again', async (_what, damage) => {
    const { run, output, text } = setting();
    const { onEvent, events } = harm('reduce started', () => damage(intermediate(output, 'shuffle-index')));

    const report = await run({ onEvent });

    expect(sortedResult(output)).toBe(countWords(text));
    expect(new Set(failedWith(events))).toEqual(new Set(['CorruptShuffleError']));
    expect(
      events.some((event) => event.kind === 'attempt-started' && /^m-.*\.1$/.test(event.attemptId)),
    ).toBe(false);
    expect(report.counters).toEqual({ lines: 6_000 });
  });

  test.each([
    ['flipped', (path: string) => flip(path, 60)],
    ['truncated', (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 100))],
    ['missing', (path: string) => unlinkSync(path)],
  ])('parts to be merged that are %s are recreated', async (_what, damage) => {
    const { run, output, text } = setting();
    const { onEvent, events } = harm('reduce ended', () => {
      damage(intermediate(output, 'merge', 'r-00000'));
      damage(intermediate(output, 'merge', 'r-00002'));
    });

    const report = await run({ onEvent, merge: true });

    expect(readFileSync(join(output, 'merged.tsv'), 'utf8')).toBe(countWords(text));
    const again = events.flatMap((event) =>
      event.kind === 'attempt-started' && /^r-.*\.1$/.test(event.attemptId) ? [event.attemptId] : [],
    );
    expect(again.sort()).toEqual(['r-00000.1', 'r-00002.1']);
    expect(report.counters).toEqual({ lines: 6_000 });
  });

  test('a part that is damaged again and again fails the job, and the error reports that', async () => {
    const { run, output } = setting();
    const events: JobEvent[] = [];
    const onEvent = (event: JobEvent) => {
      events.push(event);
      const isReduced =
        (event.kind === 'stage-ended' && event.report.stage === 'reduce') ||
        (event.kind === 'attempt-ended' && /^r-00001\.[1-9]/.test(event.attemptId));
      if (isReduced) flip(intermediate(output, 'merge', 'r-00001'), 60);
    };

    const error = await failureOf(run({ onEvent, merge: true }));

    expect(error).toMatchObject({
      name: 'TaskFailedError',
      message: expect.stringContaining('the output of task r-00001 was recreated 3 times'),
      details: { taskId: 'r-00001' },
      cause: { name: 'CorruptShuffleError' },
    });
    expect(
      events.filter((event) => event.kind === 'attempt-started' && /^r-00001/.test(event.attemptId)),
    ).toHaveLength(4);
    expect(existsSync(output)).toBe(false);
  });

  test('a truncated object is recreated', async () => {
    const { run, output, text } = setting();
    const { onEvent } = harm('stage-ended', () => {
      const path = shuffleObject(output, 0);
      writeFileSync(path, readFileSync(path).subarray(0, 100));
    });

    await run({ onEvent });

    expect(sortedResult(output)).toBe(countWords(text));
  });
});

describe('a job that cannot succeed', () => {
  test('reports the task, the record and the error, and removes what it had written', async () => {
    const { run, output, input, text } = setting();

    const failure = await failureOf(run({ params: { misbehave: 'throw-always' }, attemptsMax: 2 }));

    expect(failure.name).toBe('TaskFailedError');
    expect(failure.message).toContain('failed 2 times');
    expect(failure.message).toContain('no such word');
    expect(failure.details.file).toBe(input);
    const line = text.slice(failure.details.offsetBytes).split('\n')[0];
    expect(line).toContain('trigger');
    expect(failure.details.userStack).toContain('words.ts');
    expect(existsSync(output)).toBe(false);
  });

  test('fails at the first attempt if a value cannot be encoded', async () => {
    const { run } = setting();

    const failure = await failureOf(run({ params: { misbehave: 'bad-value' } }));

    expect(failure.name).toBe('UnencodableValueError');
  });

  test('keeps existing results, unless --overwrite is given', async () => {
    const { run, output } = setting();
    await run();
    const before = bytesOf(output);

    const failure = await failureOf(run());

    expect(failure.name).toBe('OutputExistsError');
    expect(failure.message).toContain('--overwrite');
    expect(bytesOf(output)).toEqual(before);
  });

  test('keeps other files of the folder when it replaces results', async () => {
    const { run, output } = setting();
    await run({ reducers: 9 });
    writeFileSync(join(output, 'notes.txt'), 'mine');
    mkdirSync(join(output, 'part-of-mine'));
    writeFileSync(join(output, 'part-of-mine', 'part-r-00000.tsv'), 'mine too');

    await run({ reducers: 2, overwrite: true });

    expect(readdirSync(output).sort()).toEqual([
      '_SUCCESS',
      '_attempts.jsonl.gz',
      'manifest.json',
      'notes.txt',
      'part-of-mine',
      'part-r-00000.tsv',
      'part-r-00001.tsv',
    ]);
    expect(readFileSync(join(output, 'part-of-mine', 'part-r-00000.tsv'), 'utf8')).toBe('mine too');
  });

  test('keeps the results that it would have replaced', async () => {
    const { run, output } = setting();
    await run();
    const before = bytesOf(output);

    const failure = await failureOf(run({ overwrite: true, params: { misbehave: 'throw-always' } }));

    expect(failure.name).toBe('TaskFailedError');
    expect(bytesOf(output)).toEqual(before);
    expect(existsSync(join(output, '.mapreduce'))).toBe(false);
  });

  test('creates no output folder if an input is missing', async () => {
    const { run, output, folder } = setting();

    const failure = await failureOf(run({ inputs: [join(folder, 'absent.txt')] }));

    expect(failure.name).toBe('InputNotFoundError');
    expect(existsSync(output)).toBe(false);
  });

  test.each([
    [{ workers: 0 }, 'the number of workers must be a whole number from 1 to 256; received 0'],
    [{ memoryBytes: 5 }, 'the memory of a worker in bytes must be a whole number from'],
    [{ inputs: [] }, 'needs input. Name files, folders or globs with --input'],
  ])('is refused if an option is out of bounds: %j', async (options, message) => {
    const { run } = setting();

    const failure = await failureOf(run(options));

    expect(failure).toMatchObject({ name: 'UsageError', message: expect.stringContaining(message) });
  });

  test('removes the folders that it created, but none that existed before or that are not empty', async () => {
    const { run, output } = setting();
    const fails = { params: { misbehave: 'throw-always' }, attemptsMax: 1 };
    mkdirSync(join(output, 'mine'), { recursive: true });
    const addFile = (event: JobEvent) => {
      if (event.kind === 'planned') writeFileSync(join(output, 'mine/c/notes.txt'), '');
    };

    await failureOf(run({ ...fails, output: join(output, 'mine') }));
    await failureOf(run({ ...fails, output: join(output, 'mine/a/b') }));
    await failureOf(run({ ...fails, output: join(output, 'mine/c/d'), onEvent: addFile }));

    expect(readdirSync(output, { recursive: true })).toEqual(['mine', 'mine/c', 'mine/c/notes.txt']);
  });

  test('stops its workers and removes what it had written when it is cancelled', async () => {
    const { run, output, events } = setting(makeText(50_000));
    const controller = new AbortController();
    const onEvent = (event: JobEvent) => {
      events.push(event);
      if (event.kind === 'attempt-ended') controller.abort();
    };

    const failure = await failureOf(run({ signal: controller.signal, onEvent }));

    expect(failure.name).toBe('CancelledError');
    expect(existsSync(output)).toBe(false);
  });

  test('does the same when a sequential run is cancelled', async () => {
    const { run, output, events } = setting(makeText(50_000));
    const controller = new AbortController();
    const onEvent = (event: JobEvent) => {
      events.push(event);
      if (event.kind === 'attempt-ended') controller.abort();
    };

    const failure = await failureOf(run({ workers: 'sequential', signal: controller.signal, onEvent }));

    expect(failure.name).toBe('CancelledError');
    expect(existsSync(output)).toBe(false);
  });
});
