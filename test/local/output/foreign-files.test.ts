/** Whatever a run does in its output folder, it never changes files that mapreduce did not write. */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MiB } from '../../../src/base/limits.ts';
import { runEmbedded } from '../../../src/local/run/embedded-run.ts';
import type { EmbeddedRunOptions } from '../../../src/local/run/run-options.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';
import { folderState } from './folder-states.ts';

const WORDS = new URL('../run/jobs/words.ts', import.meta.url);
const COUNTED = 'one\t2\nthree\t1\ntwo\t1\n';

function setting() {
  const folder = folderOfTest('foreign-files-test');
  const input = join(folder, 'input.txt');
  writeFileSync(input, 'one two\none three\n');
  const output = join(folder, 'output');
  mkdirSync(output);
  const lay = (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  };
  const run = (options: Partial<EmbeddedRunOptions> = {}) =>
    runEmbedded({
      jobModule: WORDS,
      inputs: [input],
      output,
      workers: 'sequential',
      memoryBytes: 32 * MiB,
      reducers: 1,
      ...options,
    });
  const result = (name = 'part-r-00000.tsv') => readFileSync(join(output, name), 'utf8');
  return { folder, input, output, lay, run, result };
}

const SPARK = {
  'output/_temporary/0/task_1/part-00000': 'of Spark',
  'output/_temporary/claim/x.json': 'of Spark too',
  'output/_temporary/replaced/part-r-00000.tsv': 'no result of ours',
};

describe('a _temporary/ of Hadoop or Spark', () => {
  test('is unchanged if the run is refused', async () => {
    const { output, lay, run } = setting();
    await run();
    lay(SPARK);
    const before = folderState(output);

    await expect(run()).rejects.toMatchObject({ name: 'OutputExistsError' });

    expect(folderState(output)).toEqual(before);
  });

  test('is unchanged if the run succeeds, and if it fails', async () => {
    const { output, lay, run, result } = setting();
    lay(SPARK);
    const before = folderState(output);

    await expect(
      run({ attemptsMax: 1, inputs: [output.replace('output', 'input.txt'), '/dev/null'] }),
    ).rejects.toThrow();
    const afterFailure = folderState(output);
    await run();

    expect(afterFailure).toEqual(before);
    expect(folderState(output)).toMatchObject(before);
    expect(result()).toBe(COUNTED);
  });

  test('is not followed if it is a link to another folder', async () => {
    const { folder, output, lay, run } = setting();
    lay({ 'elsewhere/precious.txt': 'mine', 'elsewhere/deep/down.txt': 'mine too' });
    symlinkSync(join(folder, 'elsewhere'), join(output, '_temporary'));
    await run();

    await expect(run()).rejects.toMatchObject({ name: 'OutputExistsError' });
    await run({ overwrite: true });

    expect(folderState(join(folder, 'elsewhere'))).toMatchObject({
      'precious.txt': 'mine',
      'deep/down.txt': 'mine too',
    });
    expect(lstatSync(join(output, '_temporary')).isSymbolicLink()).toBe(true);
  });
});

describe('a .mapreduce in the output', () => {
  const ELSEWHERE = {
    'elsewhere/uploads/precious.txt': 'mine',
    'elsewhere/metadata/1-2-3': '{}',
    'elsewhere/scratch-1-00000000/spill-0': 'mine',
    'elsewhere/claim/x.json': 'mine',
  };

  test('that is a link is refused, and the files in its target are unchanged', async () => {
    const { folder, output, lay, run } = setting();
    lay(ELSEWHERE);
    symlinkSync(join(folder, 'elsewhere'), join(output, '.mapreduce'));
    const before = folderState(join(folder, 'elsewhere'));

    await expect(run()).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/\.mapreduce is a symbolic link/),
    });

    expect(folderState(join(folder, 'elsewhere'))).toEqual(before);
  });

  test('keeps the entries of other programs', async () => {
    const { output, lay, run, result } = setting();
    const theirs = {
      'output/.mapreduce/uploads/precious.txt': 'mine',
      'output/.mapreduce/scratch-1-00000000/spill-0': 'mine',
      'output/.mapreduce/job-0123/owner.json': 'mine',
      [`output/.mapreduce/job-${'0'.repeat(32)}/notes.txt`]: 'mine',
      [`output/.mapreduce/done-${'1'.repeat(32)}/notes.txt`]: 'mine',
      'output/.mapreduce/notes.txt': 'mine',
    };
    lay(theirs);
    const before = folderState(output);

    await run();
    await run({ overwrite: true });

    expect(folderState(output)).toMatchObject(before);
    expect(result()).toBe(COUNTED);
  });

  test('is refused if it contains a claim that mapreduce did not write, and the message names it', async () => {
    const { output, lay, run } = setting();
    lay({ 'output/.mapreduce/claim/deed.pdf': 'mine' });
    const before = folderState(output);

    await expect(run()).rejects.toThrow(
      /\.mapreduce\/claim contains deed\.pdf, which mapreduce did not write/,
    );

    expect(folderState(output)).toEqual(before);
  });

  test('with links among its entries never lets a removal leave the folder', async () => {
    const { folder, output, lay, run } = setting();
    const token = 'a'.repeat(32);
    lay({ 'elsewhere/precious.txt': 'mine', 'elsewhere/job/owner.json': 'not a marker' });
    mkdirSync(join(output, '.mapreduce'));
    symlinkSync(join(folder, 'elsewhere'), join(output, '.mapreduce', `job-${token}`));
    const before = folderState(join(folder, 'elsewhere'));

    await run();

    expect(folderState(join(folder, 'elsewhere'))).toEqual(before);
    expect(readdirSync(join(output, '.mapreduce'))).toEqual([`job-${token}`]);
  });
});

describe("a dead run's folder", () => {
  const TOKEN = '0123456789abcdef'.repeat(2);
  const DEAD = `output/.mapreduce/job-${TOKEN}`;
  const OWNER = {
    [`${DEAD}/owner.json`]: `{"product":"serverless-mapreduce","formatVersion":1,"token":"${TOKEN}"}\n`,
  };

  test.each(['replaced', 'work/result', 'work'])(
    'with a link at %s is undone without following the link',
    async (name) => {
      const { folder, output, lay, run, result } = setting();
      await run();
      lay({ ...OWNER, 'victim/part-r-00000.tsv': 'mine', 'victim/result/notes.txt': 'mine' });
      mkdirSync(dirname(join(folder, DEAD, name)), { recursive: true });
      symlinkSync(join(folder, 'victim'), join(folder, DEAD, name));
      const before = folderState(join(folder, 'victim'));

      await run({ overwrite: true });

      expect(folderState(join(folder, 'victim'))).toEqual(before);
      expect(readdirSync(output).sort()).toEqual([
        '_SUCCESS',
        '_attempts.jsonl.gz',
        'manifest.json',
        'part-r-00000.tsv',
      ]);
      expect(result()).toBe(COUNTED);
    },
  );

  test('that had committed is recognised in a copy too, although all inodes are new', async () => {
    const { folder, output, lay, run, result } = setting();
    await run();
    const names = ['manifest.json', 'part-r-00000.tsv', '_SUCCESS'];
    lay({
      ...OWNER,
      ...Object.fromEntries(names.map((name) => [`${DEAD}/work/result/${name}`, result(name)])),
      [`${DEAD}/replaced/part-r-00000.tsv`]: 'of the run before',
    });
    cpSync(output, join(folder, 'copy'), { recursive: true });

    await expect(run({ output: join(folder, 'copy') })).rejects.toMatchObject({ name: 'OutputExistsError' });

    const { _SUCCESS: _, ...found } = folderState(join(folder, 'copy'));
    expect(Object.keys(found)).toEqual(['_attempts.jsonl.gz', 'manifest.json', 'part-r-00000.tsv']);
    expect(readFileSync(join(folder, 'copy/part-r-00000.tsv'), 'utf8')).toBe(COUNTED);
  });
});

describe('a first run', () => {
  test('keeps files that only have names similar to those of results', async () => {
    const { output, lay, run, result } = setting();
    const theirs = {
      'output/part-r-00000.bak': 'mine',
      'output/merged.tsv': 'mine',
      'output/merged.csv': 'mine',
      'output/_report.html': 'mine',
      'output/part-1.tsv': 'mine',
    };
    lay(theirs);
    const before = folderState(output);

    await run();

    expect(folderState(output)).toMatchObject(before);
    expect(result()).toBe(COUNTED);
  });

  test('is refused if the folder holds a part that readers would take for one of the new result', async () => {
    const { output, lay, run } = setting();
    lay({ 'output/part-r-00007.tsv': 'mine' });
    const before = folderState(output);

    await expect(run()).rejects.toMatchObject({
      name: 'OutputExistsError',
      message: expect.stringMatching(/part-r-00007\.tsv.*was not written by mapreduce/),
    });

    expect(folderState(output)).toEqual(before);
  });
});

describe('--overwrite', () => {
  test('refuses a manifest.json of another program, names it, and changes nothing', async () => {
    const { output, lay, run } = setting();
    lay({
      'output/manifest.json': '{"name":"A web app","icons":[],"start_url":"/"}',
      'output/index.html': '<html>',
      'output/merged.csv': 'mine',
    });
    const before = folderState(output);

    await expect(run({ overwrite: true })).rejects.toMatchObject({
      name: 'OutputExistsError',
      message: expect.stringMatching(/manifest\.json.*was not written by mapreduce/),
    });

    expect(folderState(output)).toEqual(before);
  });

  test('replaces what the manifest lists, and keeps files that only have similar names', async () => {
    const { output, lay, run, result } = setting();
    await run({ reducers: 3 });
    const theirs = {
      'output/merged.csv': 'mine',
      'output/part-r-00007.csv': 'mine',
      'output/part-1': 'mine',
    };
    lay(theirs);

    await run({ overwrite: true });

    expect(readdirSync(output).sort()).toEqual([
      '_SUCCESS',
      '_attempts.jsonl.gz',
      'manifest.json',
      'merged.csv',
      'part-1',
      'part-r-00000.tsv',
      'part-r-00007.csv',
    ]);
    expect(result()).toBe(COUNTED);
    for (const name of ['merged.csv', 'part-r-00007.csv', 'part-1']) expect(result(name)).toBe('mine');
  });

  test.each([
    ['merged.tsv', { merge: true }],
    ['part-r-00001.tsv', { reducers: 2 }],
    // Readers would take it for a part of the new result.
    ['part-r-00007.tsv', { reducers: 2 }],
    ['part-r-00007.tsv', { merge: true }],
  ])('refuses a %s of another program that conflicts with the new result', async (name, options) => {
    const { output, lay, run } = setting();
    await run();
    lay({ [`output/${name}`]: 'mine' });
    const before = folderState(output);

    await expect(run({ overwrite: true, ...options })).rejects.toMatchObject({
      name: 'OutputExistsError',
      message: expect.stringContaining(name),
    });

    expect(folderState(output)).toEqual(before);
  });

  test.each(['_SUCCESS', 'part-r-00000.tsv'])(
    'refuses a %s without a manifest that mapreduce wrote',
    async (name) => {
      const { output, lay, run } = setting();
      lay({ [`output/${name}`]: '' });
      const before = folderState(output);

      await expect(run({ overwrite: true })).rejects.toMatchObject({
        name: 'OutputExistsError',
        message: expect.stringContaining(name),
      });

      expect(folderState(output)).toEqual(before);
    },
  );

  test.each(['../precious.txt', 'sub/part-r-00000.tsv', '/etc/hostname', '.', 'notes.txt', '__proto__'])(
    'refuses a manifest that lists %j as a part',
    async (name) => {
      const { folder, output, lay, run } = setting();
      await run();
      lay({ 'precious.txt': 'mine', 'output/sub/part-r-00000.tsv': 'mine', 'output/notes.txt': 'mine' });
      const manifest = JSON.parse(readFileSync(join(output, 'manifest.json'), 'utf8'));
      manifest.parts.push({ ...manifest.parts[0], name });
      writeFileSync(join(output, 'manifest.json'), JSON.stringify(manifest));
      const before = folderState(folder);

      await expect(run({ overwrite: true })).rejects.toMatchObject({
        name: 'OutputExistsError',
        message: expect.stringMatching(/manifest\.json/),
      });

      expect(folderState(folder)).toEqual(before);
    },
  );

  test('refuses a listed part that is a folder or a link', async () => {
    const { folder, output, lay, run } = setting();
    await run();
    rmSync(join(output, 'part-r-00000.tsv'));
    lay({ 'precious.txt': 'mine', 'output/part-r-00000.tsv/inside.txt': 'mine' });
    const before = folderState(folder);
    await expect(run({ overwrite: true })).rejects.toMatchObject({
      name: 'OutputExistsError',
      message: expect.stringMatching(/part-r-00000\.tsv.* is a folder/),
    });
    expect(folderState(folder)).toEqual(before);

    rmSync(join(output, 'part-r-00000.tsv'), { recursive: true });
    symlinkSync(join(folder, 'precious.txt'), join(output, 'part-r-00000.tsv'));
    await expect(run({ overwrite: true })).rejects.toMatchObject({
      name: 'OutputExistsError',
      message: expect.stringMatching(/part-r-00000\.tsv.* is a symbolic link/),
    });
    expect(readFileSync(join(folder, 'precious.txt'), 'utf8')).toBe('mine');
  });

  test('replaces a result of which some files are missing', async () => {
    const { output, run, result } = setting();
    await run({ reducers: 3 });
    rmSync(join(output, '_SUCCESS'));
    rmSync(join(output, 'part-r-00001.tsv'));

    await run({ overwrite: true });

    expect(readdirSync(output).sort()).toEqual([
      '_SUCCESS',
      '_attempts.jsonl.gz',
      'manifest.json',
      'part-r-00000.tsv',
    ]);
    expect(result()).toBe(COUNTED);
  });

  test('keeps a conflicting file that is created while the job runs, and restores the old result', async () => {
    const { output, run, result } = setting();
    await run();
    const before = folderState(output);

    await expect(
      run({
        overwrite: true,
        reducers: 2,
        onEvent: ({ kind }) => {
          if (kind === 'planned') writeFileSync(join(output, 'part-r-00001.tsv'), 'mine');
        },
      }),
    ).rejects.toMatchObject({
      name: 'OutputExistsError',
      message: expect.stringContaining('part-r-00001.tsv'),
    });

    expect(folderState(output)).toEqual({ ...before, 'part-r-00001.tsv': 'mine' });
    expect(result()).toBe(COUNTED);
  });
});

describe('an output folder', () => {
  test('that is a link to a folder is written to through the link', async () => {
    const { folder, output, run, result } = setting();
    rmSync(output, { recursive: true });
    mkdirSync(join(folder, 'disk'));
    symlinkSync(join(folder, 'disk'), output);

    await run();
    await run({ overwrite: true });

    expect(lstatSync(output).isSymbolicLink()).toBe(true);
    expect(result()).toBe(COUNTED);
  });

  test.each<[string, string, RegExp]>([
    ['below a file', 'input.txt/x', /input\.txt is a file/],
    ['deep below a file', 'input.txt/x/y', /input\.txt is a file/],
    ['a file', 'input.txt', /is a file/],
    ['a dangling link', 'dangling', /dangling is a symbolic link to .*nowhere, which does not exist/],
    ['below a dangling link', 'dangling/x', /dangling is a symbolic link to .*nowhere, which does not exist/],
    ['a link in a circle', 'circle', /circle/],
    ['with a name that is too long', 'x'.repeat(300), /too long/],
    ['where no folder can be created', '/proc/mapreduce', /\/proc/],
  ])('%s is refused with a UsageError', async (_what, name, message) => {
    const { folder, run } = setting();
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
    symlinkSync(join(folder, 'circle'), join(folder, 'circle'));
    const before = readdirSync(folder);

    const output = name.startsWith('/') ? name : join(folder, name);
    await expect(run({ output })).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(message),
    });

    expect(readdirSync(folder)).toEqual(before);
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
  });
});

describe('an output folder inside the input', () => {
  test('is not an input of a run that writes to it', async () => {
    const { folder, lay, run } = setting();
    lay({ 'd/a.txt': 'one two\n', 'd/b.txt': 'one three\n' });
    const output = join(folder, 'd', 'out');
    const options = { inputs: [join(folder, 'd')], output, overwrite: true };

    const reports = [await run(options), await run(options), await run({ ...options, merge: true })];

    expect(reports.map(({ input }) => input.files)).toEqual([2, 2, 2]);
    expect(readFileSync(join(output, 'merged.tsv'), 'utf8')).toBe(COUNTED);
  });

  test('is not an input through another path either', async () => {
    const { folder, lay, run } = setting();
    lay({ 'd/a.txt': 'one two\n', 'd/b.txt': 'one three\n' });
    symlinkSync(join(folder, 'd'), join(folder, 'link'));
    const output = join(folder, 'd', 'out');

    await run({ inputs: [join(folder, 'link')], output });
    const again = await run({ inputs: [join(folder, 'link', '**')], output, overwrite: true });

    expect(again.input.files).toBe(2);
    expect(readFileSync(join(output, 'part-r-00000.tsv'), 'utf8')).toBe(COUNTED);
  });

  test('is read if it is the input itself, without the results of earlier runs', async () => {
    const { folder, lay, run } = setting();
    lay({ 'd/a.txt': 'one two\n', 'd/b.txt': 'one three\n' });
    const options = { inputs: [join(folder, 'd')], output: join(folder, 'd'), overwrite: true };

    const reports = [await run(options), await run(options)];

    expect(reports.map(({ input }) => input.files)).toEqual([2, 2]);
    expect(readFileSync(join(folder, 'd', 'part-r-00000.tsv'), 'utf8')).toBe(COUNTED);
  });

  test.each(['', '/part-r-00000.tsv', '/part-*'])(
    'is refused as the input of the run that would replace it: output%s',
    async (name) => {
      const { output, run } = setting();
      await run();
      const before = folderState(output);

      await expect(run({ inputs: [output + name], overwrite: true })).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(/a result of an earlier run with the same --output/),
      });

      expect(folderState(output)).toEqual(before);
    },
  );
});
