/** Runs whose output folder is removed, moved or taken over by another run, and runs with damaged parts. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { MiB } from '../../../src/base/limits.ts';
import { runEmbedded } from '../../../src/local/run/embedded-run.ts';
import type { EmbeddedRunOptions } from '../../../src/local/run/run-options.ts';
import type { JobEvent } from '../../../src/report/report.ts';
import { BIN, cleanEnvironment } from '../../cli/cli-process.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';
import { folderState } from './folder-states.ts';
import { watchFiles } from './watched-files.ts';

vi.mock('node:fs/promises', async (original) => (await import('./watched-files.ts')).watchedFiles(original));

const WORDS = new URL('../run/jobs/words.ts', import.meta.url);

function setting() {
  const folder = folderOfTest('lost-output-test');
  const output = join(folder, 'output');
  writeFileSync(join(folder, 'first.txt'), 'one two\none three\n');
  writeFileSync(join(folder, 'second.txt'), 'four\nfive\nfive\n');
  const run = (options: Partial<EmbeddedRunOptions> = {}) =>
    runEmbedded({
      jobModule: WORDS,
      inputs: [join(folder, 'first.txt')],
      output,
      workers: 1,
      memoryBytes: 32 * MiB,
      reducers: 2,
      backupAttempts: false,
      ...options,
    });
  /** Runs a whole job in another process while this one waits. */
  const runOther = (...flags: string[]) => {
    const job = ['run', fileURLToPath(WORDS), '-i', join(folder, 'second.txt'), '-o', output];
    const args = [BIN, ...job, '--reducers', '1', '--quiet', ...flags];
    return spawnSync(process.execPath, args, { env: cleanEnvironment(), encoding: 'utf8' });
  };
  return { folder, output, run, runOther };
}

type Moment = 'planned' | 'map started' | 'map ended' | 'reduce started' | 'reduce ended';
const MOMENTS: readonly Moment[] = ['planned', 'map started', 'map ended', 'reduce started', 'reduce ended'];

/** Calls `act` at the first event of that moment. */
function once(moment: Moment, act: () => void): (event: JobEvent) => void {
  let isDone = false;
  return (event) => {
    const stage =
      event.kind === 'stage-started' ? event.stage : event.kind === 'stage-ended' ? event.report.stage : '';
    const [ofStage, what] = moment.split(' ');
    const isNow =
      what === undefined ? event.kind === moment : event.kind === `stage-${what}` && stage === ofStage;
    if (!isNow || isDone) return;
    isDone = true;
    act();
  };
}

describe('a run whose output folder is removed and taken over by another run', () => {
  test.each(MOMENTS)(
    '(%s) fails, reports why, and does not change the result of the other run',
    async (moment) => {
      const { output, run, runOther } = setting();
      let other: ReturnType<typeof runOther> | undefined;
      let result = {};

      const failed = run({
        onEvent: once(moment, () => {
          rmSync(output, { recursive: true });
          other = runOther();
          result = folderState(output);
        }),
      });

      await expect(failed).rejects.toMatchObject({
        name: 'OutputExistsError',
        message: expect.stringMatching(
          /the output folder .* no longer belongs to this run: .*Nothing was published/,
        ),
      });
      expect(other).toMatchObject({ status: 0, stderr: '' });
      expect(folderState(output)).toEqual(result);
      expect(Object.keys(result)).toEqual([
        '_SUCCESS',
        '_attempts.jsonl.gz',
        'manifest.json',
        'part-r-00000.tsv',
      ]);
      expect(readFileSync(join(output, 'part-r-00000.tsv'), 'utf8')).toBe('five\t2\nfour\t1\n');
    },
  );

  test.each(MOMENTS)('(%s) leaves only empty folders if the folder above was removed', async (moment) => {
    const { folder, run } = setting();
    const output = join(folder, 'above', 'output');

    const failed = run({
      output,
      onEvent: once(moment, () => rmSync(join(folder, 'above'), { recursive: true })),
    });

    await expect(failed).rejects.toMatchObject({ name: 'OutputExistsError' });
    // Running attempts may have created the folders again.
    expect(Object.keys(folderState(folder)).filter((key) => /^above\/(?!output\/$)./.test(key))).toEqual([]);
  });

  test('because its claim was treated as void lets the other run publish', async () => {
    const { output, run, runOther } = setting();
    await run();
    let result = {};

    const failed = run({
      overwrite: true,
      onEvent: once('reduce ended', () => {
        rmSync(join(output, '.mapreduce', 'claim'), { recursive: true });
        expect(runOther('--overwrite')).toMatchObject({ status: 0, stderr: '' });
        result = folderState(output);
      }),
    });

    await expect(failed).rejects.toMatchObject({ name: 'OutputExistsError' });
    expect(folderState(output)).toEqual(result);
    expect(readFileSync(join(output, 'part-r-00000.tsv'), 'utf8')).toBe('five\t2\nfour\t1\n');
  });
});

describe('two runs at the same time with the same output', () => {
  test.each(MOMENTS)('(%s): the second is refused, and the first succeeds', async (moment) => {
    const { output, run, runOther } = setting();
    let other: ReturnType<typeof runOther> | undefined;

    await run({
      onEvent: once(moment, () => {
        other = runOther('--overwrite');
      }),
    });

    expect(other?.status).toBe(2);
    expect(other?.stderr).toMatch(/^error: job words-\S+ \(process \d+ on \S+\) is writing to /);
    expect(readdirSync(output)).toEqual([
      '_SUCCESS',
      '_attempts.jsonl.gz',
      'manifest.json',
      'part-r-00000.tsv',
      'part-r-00001.tsv',
    ]);
  });

  test('that start at the same moment: one is refused, or finds the result of the other', async () => {
    const { output, run } = setting();

    const ends = await Promise.allSettled([run(), run(), run(), run()]);

    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const end of ends) {
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ name: 'OutputExistsError' });
    }
    expect(readdirSync(output)).toEqual([
      '_SUCCESS',
      '_attempts.jsonl.gz',
      'manifest.json',
      'part-r-00000.tsv',
      'part-r-00001.tsv',
    ]);
  });
});

describe('a result that is being replaced', () => {
  test.each(MOMENTS)('(%s) stays complete until the new one is complete', async (moment) => {
    const { output, run } = setting();
    await run({ reducers: 3 });
    const before = folderState(output);
    let during = {};

    await run({
      overwrite: true,
      onEvent: once(moment, () => {
        during = folderState(output, (key) => !key.startsWith('.mapreduce'));
      }),
    });

    expect(during).toEqual(before);
  });
});

describe('a part that is damaged after its task has committed it', () => {
  const part = (output: string) => {
    const hidden = join(output, '.mapreduce');
    const [job] = existsSync(hidden) ? readdirSync(hidden).filter((name) => name.startsWith('job-')) : [];
    const folder = job === undefined ? output : join(hidden, job, 'work', 'result');
    return join(folder, 'part-r-00001.tsv');
  };
  const WAYS: readonly [string, (path: string) => void][] = [
    ['truncated', (path) => writeFileSync(path, readFileSync(path).subarray(1))],
    [
      'flipped at the same size',
      (path) => {
        const bytes = readFileSync(path);
        bytes[0]! ^= 4;
        writeFileSync(path, bytes);
      },
    ],
    [
      'replaced by another file',
      (path) => {
        writeFileSync(`${path}.new`, readFileSync(path));
        renameSync(`${path}.new`, path);
      },
    ],
    ['removed', (path) => unlinkSync(path)],
  ];

  test.each(WAYS)('is recreated: %s, before the barrier', async (_how, damage) => {
    const { output, run } = setting();
    const expected = await run();
    const bytes = readFileSync(join(output, 'part-r-00001.tsv'), 'utf8');

    const report = await run({ overwrite: true, onEvent: once('reduce ended', () => damage(part(output))) });

    expect(readFileSync(join(output, 'part-r-00001.tsv'), 'utf8')).toBe(bytes);
    expect(report.parts).toEqual(expected.parts);
  });

  test.each(WAYS)('is recreated: %s, after the barrier', async (_how, damage) => {
    const { output, run } = setting();
    const expected = await run();
    const bytes = readFileSync(join(output, 'part-r-00001.tsv'), 'utf8');
    let damaged = 0;
    // After the barrier, the listing is the first access to the parts.
    using _watch = watchFiles(async (name, path, step) => {
      if (name === 'opendir' && path.endsWith('work/result') && damaged++ === 0) damage(part(output));
      return step();
    });

    const report = await run({ overwrite: true });

    expect(damaged).toBe(2);
    expect(readFileSync(join(output, 'part-r-00001.tsv'), 'utf8')).toBe(bytes);
    expect(report.parts).toEqual(expected.parts);
    expect(report.failures).toMatchObject([{ taskId: 'r-00001', error: { name: 'CorruptShuffleError' } }]);
  });

  test('again and again fails the job, which keeps the earlier result', async () => {
    const { output, run } = setting();
    await run();
    const before = folderState(output);
    using _watch = watchFiles(async (name, path, step) => {
      if (name === 'opendir' && path.endsWith('work/result')) unlinkSync(part(output));
      return step();
    });

    await expect(run({ overwrite: true })).rejects.toMatchObject({
      name: 'TaskFailedError',
      details: { taskId: 'r-00001' },
      cause: { name: 'CorruptShuffleError' },
    });

    expect(folderState(output)).toEqual(before);
  });
});
