/**
 * Runs each app deployed, on the sample and with the parameters of its README, and expects the bytes of the embedded run.
 * Then the sort benchmark: three jobs, of which each reads the result of the one before.
 */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, relative, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type AppName, apps } from '../../apps/index.ts';
import type { JobReport } from '../../src/report/report.ts';
import { blocks, readmeCommand, readmeOf } from '../apps/readme-command.ts';
import { cli } from '../cli/cli-process.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { embedded } from './helpers/embedded.ts';
import { selected } from './selection.ts';
import { takeStack } from './shared-stack.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SPLIT_SIZE_BYTES = 1_000;

describeOnEmulators('The apps', (emulator) => {
  let stack: DeployedStack;

  beforeAll(async () => {
    const shared = await takeStack(emulator);
    stack = shared.stack;
    return shared.release;
  });

  test('a job with several outputs gives the same files in the same folders as the embedded run', async () => {
    const folder = folderOfTest('by-day');
    const text = Array.from(
      { length: 900 },
      (_, i) => `2026-11-${String((i % 9) + 1).padStart(2, '0')} /page/${i % 300}\n`,
    );
    await writeFile(join(folder, 'log.txt'), `${text.join('')}odd\n`);
    await stack.put('data/by-day/log.txt', await readFile(join(folder, 'log.txt')));
    const settings = { splitSizeBytes: 4_000, reducers: 3 };

    const ended = await stack.start({
      jobId: uniqueName('by-day'),
      request: { app: 'by-day', inputs: ['data/by-day/'], ...settings },
    });

    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    const { parts } = await stack.result(ended.output.outputPrefix);
    const oracle = await embedded('test/emulator/jobs/by-day.ts', [folder], settings);
    expect(withoutAttempts(parts)).toEqual(withoutAttempts(oracle.parts));
    expect(parts.size).toBeGreaterThan(10);
  });

  test.runIf(selected(emulator, 'apps')).each(Object.keys(apps) as AppName[])(
    '%s gives the same bytes, counters and bad records as the embedded run',
    async (app) => {
      const { inputs, params } = readmeCommand(app);
      for (const input of inputs) await upload(input.slice(input.indexOf('=') + 1));
      const settings = { splitSizeBytes: SPLIT_SIZE_BYTES, params };

      const ended = await stack.start({
        jobId: uniqueName(app),
        request: { app, inputs: requested(inputs, 'data/'), ...settings },
      });

      expect(ended).toMatchObject({ status: 'SUCCEEDED' });
      const { parts, report } = await stack.result(ended.output.outputPrefix);
      const oracle = await embedded(`apps/${app}/job.ts`, rooted(inputs), settings);
      expect(parts).toEqual(oracle.parts);
      expect(report.counters).toEqual(oracle.report.counters);
      expect(report.badRecords).toEqual(oracle.report.badRecords);
    },
  );

  test.runIf(selected(emulator, 'apps'))(
    'the commands in the README of terasort run the sort benchmark',
    async () => {
      const commands = blocks(readmeOf('terasort'), 'sh')
        .at(-1)!
        .trim()
        .replace(/rows=\d+/, 'rows=20000')
        .split('\n');
      const environment = {
        ...emulator.environment,
        MAPREDUCE_BUCKET: stack.bucket,
        MAPREDUCE_STATE_MACHINE: stack.stateMachineArn,
      };
      const settings = ['--reducers', '3', '--split-size', '500000', '--json'];
      const reports: JobReport[] = [];

      for (const command of commands) {
        const [name, ...args] = command.split(' ');
        expect(name).toBe('mapreduce');
        const own = args.includes('terasort') ? settings : ['--json'];
        const { code, stdout, stderr } = await cli([...args, ...own], {
          cwd: tmpdir(),
          env: environment,
        });
        expect(code, stderr).toBe(0);
        reports.push(JSON.parse(stdout));
      }

      const validated = await stack.result(`output/${reports[2]!.jobId}/`);
      expect(String(validated.parts.get('part-r-00000.tsv'))).toMatch(
        /^generated rows\t20000\n.*^sorted rows\t20000\n.*^unordered rows\t0\nresult\tvalid\n$/ms,
      );
      expect(reports[1]!.parts.map((part) => part.records > 4_000)).toEqual([true, true, true]);
    },
  );

  /** Uploads a file, or all files below a folder, to data/ and its path in the project. */
  async function upload(path: string): Promise<void> {
    const isFolder = (await stat(join(ROOT, path))).isDirectory();
    const entries = isFolder
      ? await readdir(join(ROOT, path), { recursive: true, withFileTypes: true })
      : undefined;
    const files = entries
      ?.filter((entry) => entry.isFile())
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
    for (const file of files ?? [path]) await stack.put(`data/${file}`, await readFile(join(ROOT, file)));
  }
});

/** The inputs of a command as those of a request: an object of lists if they have names. Folders end in '/'. */
function requested(inputs: readonly string[], prefix: string): string[] | Record<string, string[]> {
  const keyOf = (path: string) => `${prefix}${path}${extname(path) === '' ? '/' : ''}`;
  if (!inputs.some((input) => input.includes('='))) return inputs.map(keyOf);
  const named: Record<string, string[]> = {};
  for (const input of inputs) {
    const [name = '', path = ''] = input.split('=');
    named[name] = [...(named[name] ?? []), keyOf(path)];
  }
  return named;
}

function rooted(inputs: readonly string[]): string[] {
  return inputs.map((input) => input.replace(/[^=]+$/, (path) => join(ROOT, path)));
}

/** The names of several files of a task carry the attempt, which differs between runs. */
function withoutAttempts(parts: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  return new Map([...parts].map(([name, bytes]) => [name.replace(/(part-[mr]-\d+)\.[^.]+\./, '$1.'), bytes]));
}
