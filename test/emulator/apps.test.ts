/**
 * Runs each app deployed, on the sample and with the parameters of its README, and expects the bytes of the embedded run.
 * Then the sort benchmark: three jobs, of which each reads the result of the one before.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, relative, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type AppName, apps } from '../../apps/index.ts';
import { readmeCommand } from '../apps/readme-command.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { embedded } from './helpers/embedded.ts';
import { takeStack } from './shared-stack.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SPLIT_SIZE_BYTES = 1_000;
/** LocalStack is slow: there, one app for each feature. The samples of word-count, sort and others are text lines like grep's. */
const ON_LOCALSTACK: readonly AppName[] = [
  'alb',
  'cloudtrail',
  'csv-to-json',
  'grep',
  'teragen',
  'teravalidate',
];

describeOnEmulators('The apps', (emulator) => {
  let stack: DeployedStack;

  beforeAll(async () => {
    const shared = await takeStack(emulator);
    stack = shared.stack;
    return shared.release;
  });

  const names = Object.keys(apps) as AppName[];
  test.each(names.filter((name) => emulator.name !== 'LocalStack' || ON_LOCALSTACK.includes(name)))(
    '%s gives the same bytes, counters and bad records as the embedded run',
    async (app) => {
      const { inputs, params } = readmeCommand(app);
      for (const input of inputs) await upload(input.slice(input.indexOf('=') + 1));
      const settings = { splitSizeBytes: SPLIT_SIZE_BYTES, params };

      const { parts, report } = await run({ app, inputs: requested(inputs, 'data/'), ...settings });

      const oracle = await embedded(`apps/${app}/job.ts`, rooted(inputs), settings);
      expect(parts).toEqual(oracle.parts);
      expect(report.counters).toEqual(oracle.report.counters);
      expect(report.badRecords).toEqual(oracle.report.badRecords);
    },
  );

  test('the sort benchmark: terasort sorts what teragen wrote, and teravalidate finds it valid', async () => {
    const generated = await run({ app: 'teragen', params: { rows: '20000' } });
    const sorted = await run({
      app: 'terasort',
      inputs: [generated.prefix],
      splitSizeBytes: 500_000,
      reducers: 3,
    });

    const validated = await run({
      app: 'teravalidate',
      inputs: { generated: [generated.prefix], sorted: [sorted.prefix] },
      splitSizeBytes: 700_000,
    });

    expect(generated.parts.size).toBe(8);
    expect(sorted.report.parts.map((part) => part.records > 4_000)).toEqual([true, true, true]);
    expect(String(validated.parts.get('part-r-00000.tsv'))).toMatch(
      /^generated rows\t20000\n.*^sorted rows\t20000\n.*^unordered rows\t0\nresult\tvalid\n$/ms,
    );
  });

  async function run(request: { app: string } & Readonly<Record<string, unknown>>) {
    const ended = await stack.start({ jobId: uniqueName(request.app), request });
    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    const prefix: string = ended.output.outputPrefix;
    return { prefix, ...(await stack.result(prefix)) };
  }

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
