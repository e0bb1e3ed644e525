/** Results with folders in an output folder: what a run publishes, replaces, leaves alone and reads. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MiB } from '../../../src/base/limits.ts';
import { runEmbedded } from '../../../src/local/run/embedded-run.ts';
import type { EmbeddedRunOptions } from '../../../src/local/run/run-options.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';
import { folderState } from './folder-states.ts';

const IN_FOLDERS = new URL('../run/jobs/in-folders.ts', import.meta.url);
const WORDS = new URL('../run/jobs/words.ts', import.meta.url);

function setting() {
  const folder = folderOfTest('several-files-test');
  const output = join(folder, 'output');
  const lay = (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  };
  lay({ 'a.txt': 'apple bee\nant apple\n', 'b.txt': 'cat cat\nbee\n' });
  const run = (options: Partial<EmbeddedRunOptions> = {}) =>
    runEmbedded({
      jobModule: IN_FOLDERS,
      inputs: [join(folder, 'a.txt')],
      output,
      workers: 'sequential',
      memoryBytes: 32 * MiB,
      reducers: 2,
      ...options,
    });
  return { folder, output, lay, run };
}

/** The files of an output folder by name, without attempts; compressed ones as text. */
function filesIn(output: string): Record<string, string> {
  const names = readdirSync(output, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    names.map((path) => {
      const bytes = readFileSync(path);
      const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
      return [path.slice(output.length + 1).replace(/(part-r-\d+)\.\d+/, '$1'), text];
    }),
  );
}

function countsIn(output: string): string[] {
  return Object.entries(filesIn(output))
    .filter(([name]) => name.startsWith('counts/'))
    .flatMap(([name, text]) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => `${name.split('/')[1]} ${line}`),
    )
    .sort();
}

const A_COUNTS = ['letter=a ant\t1', 'letter=a apple\t2', 'letter=b bee\t1'];
const B_COUNTS = ['letter=b bee\t1', 'letter=c cat\t2'];

describe('a result with folders', () => {
  test.each([['sequential'], [2]] as const)(
    'is published with its manifest (workers: %s)',
    async (workers) => {
      const { output, run } = setting();

      const report = await run({ workers });

      expect(countsIn(output)).toEqual(A_COUNTS);
      const often = Object.entries(filesIn(output)).filter(([name]) => name.startsWith('often/'));
      expect(often.map(([, text]) => text).join('')).toContain('apple,2\n');
      expect(existsSync(join(output, '.mapreduce'))).toBe(false);
      for (const { name, bytes } of report.parts) expect(readFileSync(join(output, name)).length).toBe(bytes);
      expect(readdirSync(output).sort()).toEqual([
        '_SUCCESS',
        '_attempts.jsonl.gz',
        'counts',
        'manifest.json',
        'often',
      ]);
    },
  );

  test('is replaced as a whole, with the folders that it no longer has', async () => {
    const { folder, output, run } = setting();
    await run();

    await expect(run()).rejects.toMatchObject({ name: 'OutputExistsError' });
    await run({ inputs: [join(folder, 'b.txt')], overwrite: true });

    expect(countsIn(output)).toEqual(B_COUNTS);
    expect(readdirSync(join(output, 'counts')).sort()).toEqual(['letter=b', 'letter=c']);
    await run({ jobModule: WORDS, overwrite: true, reducers: 1 });
    expect(readdirSync(output).sort()).toEqual([
      '_SUCCESS',
      '_attempts.jsonl.gz',
      'manifest.json',
      'part-r-00000.tsv',
    ]);
  });

  test('stays if the run that would replace it fails', async () => {
    const { folder, output, run } = setting();
    await run();
    const before = folderState(output);

    const failed = run({
      inputs: [join(folder, 'b.txt')],
      overwrite: true,
      params: { misbehave: 'cat' },
      attemptsMax: 1,
    });

    await expect(failed).rejects.toMatchObject({ name: 'TaskFailedError' });
    expect(folderState(output)).toEqual(before);
  });

  test.each([
    ['of an output', 'output/counts/letter=x/other.txt', undefined],
    ['that looks like a part', 'output/often/part-r-00000.9.csv', 'often/part-r-00000.9.csv'],
    ['of another program', 'output/often/data.csv', undefined],
  ])('leaves a file %s alone, or is refused because of it', async (_what, name, refused) => {
    const { folder, output, lay, run } = setting();
    lay({ [name]: 'of somebody else' });

    const running = run();

    if (refused === undefined) {
      await running;
      expect(countsIn(output).filter((line) => !line.includes('letter=x'))).toEqual(A_COUNTS);
      await run({ overwrite: true });
    } else {
      await expect(running).rejects.toMatchObject({
        name: 'OutputExistsError',
        message: expect.stringContaining(refused),
      });
      expect(readdirSync(output)).toEqual(['often']);
    }
    expect(readFileSync(join(folder, name), 'utf8')).toBe('of somebody else');
  });

  test('is refused if a part that nobody lists is in one of its folders', async () => {
    const { output, lay, run } = setting();
    lay({ 'output/counts/letter=a/part-r-00009.tsv': 'of somebody else' });

    await expect(run()).rejects.toMatchObject({
      name: 'OutputExistsError',
      message: expect.stringContaining('counts/letter=a/part-r-00009.tsv'),
    });
    expect(Object.keys(filesIn(output))).toEqual(['counts/letter=a/part-r-00009.tsv']);
  });

  test.each([['a link'], ['a file']] as const)(
    'is never written through %s instead of a folder',
    async (what) => {
      const { folder, output, run } = setting();
      mkdirSync(output);
      mkdirSync(join(folder, 'elsewhere'));
      if (what === 'a link') symlinkSync(join(folder, 'elsewhere'), join(output, 'often'));
      else writeFileSync(join(output, 'often'), 'a file');

      await expect(run()).rejects.toMatchObject({
        name: 'OutputExistsError',
        message: expect.stringContaining('often, which conflicts with the new result: it is not a folder'),
      });
      expect(readdirSync(join(folder, 'elsewhere'))).toEqual([]);
      expect(readdirSync(output)).toEqual(['often']);
    },
  );
});

describe('a result with folders as input', () => {
  test('is read as its manifest says: all of it, or the folders that are named', async () => {
    const { folder, output, lay, run } = setting();
    await run();
    await expect(
      run({ inputs: [join(output, 'counts', 'letter=a')], overwrite: true }),
    ).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining('is a result of an earlier run with the same --output'),
    });
    lay({ 'output/counts/letter=a/part-r-00000.77.tsv': 'stray\t9\n' });
    const words = (inputs: string[], to: string) =>
      run({ jobModule: WORDS, inputs, output: join(folder, to), reducers: 1 });
    const read = (from: string) => readFileSync(join(folder, from, 'part-r-00000.tsv'), 'utf8');

    await words([join(output, 'counts', 'letter=a')], 'one');
    await words([output], 'all');
    await words([`${output}/counts/*/`], 'glob');

    expect(read('one')).toContain('ant');
    expect(read('one')).not.toContain('bee');
    for (const from of ['all', 'glob']) expect(read(from)).toContain('bee');
    for (const from of ['one', 'all', 'glob']) expect(read(from)).not.toContain('stray');
  });

  test('is not read if it has lost a file', async () => {
    const { folder, output, run } = setting();
    const { parts } = await run();
    const lost = parts.find(({ name }) => name.startsWith('counts/letter=a'))!;
    writeFileSync(join(output, lost.name), 'x');

    const reading = run({ inputs: [join(output, 'counts', 'letter=a')], output: join(folder, 'again') });

    await expect(reading).rejects.toMatchObject({ name: 'InputChangedError' });
  });
});
