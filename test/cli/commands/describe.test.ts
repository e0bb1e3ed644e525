import { describe, expect, test } from 'vitest';
import { cli, folderWith } from '../cli-process.ts';
import { jobModule, WORDS } from '../job-modules.ts';

describe('mapreduce describe', () => {
  test('prints the parameters of an app, and the command that runs it', async () => {
    const { code, stdout } = await cli(['describe', 'word-count'], { cwd: '/' });

    expect(code).toBe(0);
    expect(stdout).toContain('map emits  string -> number');
    expect(stdout).toContain('mapreduce run word-count --input <path> --output <folder>\n');
  });

  test('checks a module of the user without running its job', async () => {
    const cwd = folderWith({
      'good.ts': WORDS,
      'bad.ts': jobModule('').replace("key: 'string'", "key: 'text'"),
    });

    const good = await cli(['describe', './good.ts'], { cwd });
    const bad = await cli(['describe', './bad.ts'], { cwd });

    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(bad).toMatchObject({ code: 2, stdout: '' });
    expect(bad.stderr).toMatch(/^error: job 'words': key: "text" is not a type of keys/);
  });

  test('includes each input by name in the command, and none for a job that generates its input', async () => {
    const named = await cli(['describe', 'teravalidate'], { cwd: '/' });
    const generated = await cli(['describe', 'pi'], { cwd: '/' });

    expect(named.stdout).toMatch(
      /^ {2}input generated {2}fixed-length\(100\)\n {2}input sorted {5}fixed-length/m,
    );
    expect(named.stdout).toContain(
      'mapreduce run teravalidate --input generated=<path> --input sorted=<path> --output <folder>\n',
    );
    expect(generated.stdout).toMatch(/^ {2}input {6}generate\(points\)$/m);
    expect(generated.stdout).toContain('mapreduce run pi --output <folder>\n');
  });

  test('lists each output with its format and files, and how many bad records are skipped', async () => {
    const cwd = folderWith({
      'job.ts': jobModule('')
        .replace(/reduce: .*,$/m, 'reduce: (word, _, { emit }) => emit.all(word, { word }),')
        .replace(
          /output: .*,$/m,
          "output: { all: inFolders((word) => ({ word }), csv(['word'])), none: gzip(lines()) }, onBadRecord: { skip: 3 },",
        )
        .replace('import {', 'import { csv, gzip, inFolders, lines,'),
    });

    const several = await cli(['describe', './job.ts'], { cwd });
    const one = await cli(['describe', 'csv-to-json'], { cwd: '/' });

    expect(several).toMatchObject({ code: 0, stderr: '' });
    for (const row of [
      'bad records  up to 3 are skipped',
      'output all   inFolders(csv)',
      'result all   all/**/part-r-*.csv',
      'output none  gzip(lines)',
      'result none  none/part-r-*.txt.gz',
    ]) {
      expect(several.stdout).toContain(`\n  ${row}\n`);
    }
    expect(one.stdout).toMatch(/^ {2}output {7}jsonLines\n {2}result {7}part-m-\*\.jsonl$/m);
  });

  test('includes required parameters in the command', async () => {
    const { stdout } = await cli(['describe', 'grep'], { cwd: '/' });

    expect(stdout).toContain('mapreduce run grep --input <path> --output <folder> --set pattern=<string>\n');
  });
});
