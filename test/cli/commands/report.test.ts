import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { allBelow, cli, folderWith, shell } from '../cli-process.ts';
import { jobModule, WORDS } from '../job-modules.ts';

async function folderWithResults(): Promise<string> {
  const cwd = folderWith({ 'words.ts': WORDS, 'in.txt': 'b a c\nA b\n' });
  const args = ['run', './words.ts', '-i', 'in.txt', '-o', 'out', '-r', '2', '--report', 'run.html', '-q'];

  const { code, stderr } = await cli(args, { cwd });

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return cwd;
}

describe('the attempts of a run that fails', () => {
  test('are printed with --slowest, and kept where --facts says', async () => {
    const bad = WORDS.replace(
      /map\(([^)]*)\) \{/,
      "map($1) { if (arguments[0].includes('bad')) throw new Error('no');",
    );
    const cwd = folderWith({ 'words.ts': bad, 'in.txt': 'b a c\nbad b\n' });
    const args = ['run', './words.ts', '-i', 'in.txt', '-o', 'out', '--slowest', '--facts', 'facts.gz'];

    const failed = await cli(args, { cwd });
    const later = await cli(['report', 'facts.gz', '--slowest'], { cwd });

    expect(bad).not.toBe(WORDS);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(
      /the slowest of \d attempts?\n.*m-00000.*failed: UserCodeError: map\(\) threw Error: no/s,
    );
    expect(later.stdout).toMatch(/failed: UserCodeError: map\(\) threw Error: no/);
    expect(allBelow(cwd).sort()).toEqual(['facts.gz', 'in.txt', 'words.ts']);
  });
});

describe('a list of attempts', () => {
  const run = async (cwd: string, facts: string) =>
    await cli(['run', './words.ts', '-i', 'in.txt', '-o', 'out', '--overwrite', '-q', '--facts', facts], {
      cwd,
    });

  test('replaces an earlier list, and no other file', async () => {
    const cwd = folderWith({ 'words.ts': WORDS, 'in.txt': 'a\n' });
    writeFileSync(join(cwd, 'other.gz'), gzipSync('mine\n'));

    expect(await run(cwd, 'facts.gz')).toMatchObject({ code: 0, stderr: '' });
    expect(await run(cwd, 'facts.gz')).toMatchObject({ code: 0, stderr: '' });
    for (const file of ['in.txt', 'other.gz']) {
      const { code, stderr } = await run(cwd, file);
      expect(code).toBe(2);
      expect(stderr).toContain(`--facts '${file}' exists and is no list of attempts, so it is not replaced`);
    }

    expect(readFileSync(join(cwd, 'in.txt'), 'utf8')).toBe('a\n');
    expect(gunzipSync(readFileSync(join(cwd, 'other.gz'))).toString()).toBe('mine\n');
  });

  test('has no name of a file of the result', async () => {
    const cwd = folderWith({ 'words.ts': WORDS, 'in.txt': 'a\n' });

    const { code, stderr } = await run(cwd, 'out/_attempts.jsonl.gz');

    expect(code).toBe(2);
    expect(stderr).toContain('has the name of a file of the result');
  });
});

describe('the report of a run', () => {
  test('does not replace another file when it is written later', async () => {
    const cwd = await folderWithResults();
    const manifest = readFileSync(join(cwd, 'out/manifest.json'), 'utf8');

    const { code, stderr } = await cli(['report', 'out', '-o', 'out/manifest.json'], { cwd });

    expect(code).toBe(2);
    expect(stderr).toContain("--output 'out/manifest.json' exists and is no page, so it is not replaced");
    expect(readFileSync(join(cwd, 'out/manifest.json'), 'utf8')).toBe(manifest);
  });

  test('is a page at the path of --report, not a file among the results', async () => {
    const cwd = await folderWithResults();

    const page = readFileSync(join(cwd, 'run.html'), 'utf8');

    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page).toContain('<h1>words</h1>');
    expect(page).toMatch(/aria-label="plan from 0 ms to [^;]+s; map from /);
    expect(allBelow(join(cwd, 'out')).filter((name) => name.endsWith('.html'))).toEqual([]);
  });

  test.each([
    [
      'in a folder that does not exist',
      'nodir/x.html',
      /--report 'nodir\/x\.html' cannot be written \(ENOENT\)/,
    ],
    ['that is a folder', '.', /--report '\.' is a folder, and --report needs a file/],
    ['that is empty', '', /--report '' is empty/],
    ['that is an input', 'in.txt', /--report 'in\.txt' exists and is no page, so it is not replaced/],
    ['of the result', 'out/manifest.json', /has the name of a file of the result/],
  ])('%s is rejected before anything runs', async (_, report, message) => {
    const cwd = folderWith({ 'words.ts': WORDS, 'in.txt': 'a\n' });

    const { code, stdout, stderr } = await cli(
      ['run', './words.ts', '-i', 'in.txt', '-o', 'out', '--report', report],
      { cwd },
    );

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(allBelow(cwd)).toEqual(['in.txt', 'words.ts']);
  });

  test('may be in the output folder, which the run creates', async () => {
    const cwd = folderWith({ 'words.ts': WORDS, 'in.txt': 'a\n' });

    const { code } = await cli(
      ['run', './words.ts', '-i', 'in.txt', '-o', 'out/words', '--report', 'out/words/run.html', '-q'],
      { cwd },
    );

    expect(code).toBe(0);
    expect(allBelow(join(cwd, 'out/words'))).toContain('run.html');
  });

  test('if it cannot be written at the end, the error comes after the summary and says where the result is', async () => {
    const removing = jobModule(
      "rmSync('reports', { recursive: true, force: true }); emit(line, 1);",
      "import { rmSync } from 'node:fs';",
    );
    const cwd = folderWith({ 'removing.ts': removing, 'in.txt': 'a\n' });
    mkdirSync(join(cwd, 'reports'));

    const { code, stdout, stderr } = await cli(
      ['run', './removing.ts', '-i', 'in.txt', '-o', 'out', '--report', 'reports/x.html'],
      { cwd },
    );

    expect(code).toBe(1);
    expect(stdout).toContain('result  1 part in out/');
    expect(stderr).toMatch(/error: the job succeeded, and its result is in out; only its report is/);
    expect(stderr).toMatch(/reports\/x\.html: a folder .* \(ENOENT\).*mapreduce report out --output <file>/);
    expect(allBelow(join(cwd, 'out'))).toContain('_SUCCESS');
  });

  test('can be made later from the folder or its manifest, with the same bytes', async () => {
    const cwd = await folderWithResults();

    const ofFolder = await cli(['report', './out', '--output', 'folder.html'], { cwd });
    const ofName = await cli(['report', 'out', '--output', 'name.html', '--quiet'], { cwd });
    const ofManifest = await cli(['report', 'out/manifest.json'], { cwd });

    expect(ofFolder).toEqual({ code: 0, stdout: 'folder.html\n', stderr: '' });
    expect(ofName).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(ofManifest.stdout).toMatch(/^words-.*\.html\n$/);
    for (const name of ['folder.html', 'name.html', ofManifest.stdout.trim()]) {
      expect(readFileSync(join(cwd, name), 'utf8')).toBe(readFileSync(join(cwd, 'run.html'), 'utf8'));
    }
  });

  test.each([
    ['a folder without results', ['./nowhere'], /nowhere does not exist\. Name the output folder/],
    ['a file that is not JSON', ['./in.txt'], /in\.txt is not the manifest .*: not JSON/],
    ['another JSON file', ['other.json'], /other\.json is not the manifest of a job .*: formatVersion: /],
    [
      'a path that does not exist',
      ['out', '-o', 'no/such/file.html'],
      /cannot be written to no\/such\/file\.html/,
    ],
  ])('is rejected with exit code 2 for %s', async (_, args, message) => {
    const cwd = await folderWithResults();
    writeFileSync(join(cwd, 'other.json'), '{"name":"x"}');

    const { code, stdout, stderr } = await cli(['report', ...args], { cwd });

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('is rejected for a folder whose manifest is a pipe or a folder, without waiting', async () => {
    const cwd = await folderWithResults();
    mkdirSync(join(cwd, 'a/manifest.json'), { recursive: true });
    mkdirSync(join(cwd, 'b'));
    execFileSync('mkfifo', [join(cwd, 'b/manifest.json')]);

    for (const folder of ['./b', './a']) {
      const { code, stderr } = await cli(['report', folder], { cwd });

      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringContaining('manifest.json is not a file'),
      });
    }
  });

  test('can be made from a manifest in a named pipe', async () => {
    const cwd = await folderWithResults();

    const { code, stderr } = await shell(
      '"$node" "$mapreduce" report <(cat out/manifest.json) -o piped.html',
      { cwd },
    );

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(readFileSync(join(cwd, 'piped.html'), 'utf8')).toBe(readFileSync(join(cwd, 'run.html'), 'utf8'));
  });

  test('leaves no file if it cannot be written completely', async () => {
    const cwd = await folderWithResults();

    // Limits files to one KiB, like a full device.
    const { code, stderr } = await shell('ulimit -f 1; "$node" "$mapreduce" report ./out -o page.html', {
      cwd,
    });

    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('the report cannot be written to page.html'),
    });
    expect(allBelow(cwd)).not.toContain('page.html');
  });

  test('prints the slowest attempts with --slowest, of a folder or of a file', async () => {
    const cwd = await folderWithResults();

    const ofFolder = await cli(['report', 'out', '--slowest'], { cwd });
    const ofFile = await cli(['report', 'out/_attempts.jsonl.gz', '--slowest'], { cwd });

    expect(ofFolder).toMatchObject({ code: 0, stderr: '' });
    expect(ofFolder.stdout).toMatch(
      /^the slowest of 3 attempts\n {2}task +attempt +environment +start +time /,
    );
    expect(ofFolder.stdout).toMatch(/\n {2}r-00001 {2}0 +worker \d/);
    expect(ofFile.stdout).toBe(ofFolder.stdout);
    expect(allBelow(cwd).filter((name) => name.endsWith('.html'))).toEqual(['run.html']);
  });

  test('of attempts says what it needs where there are none', async () => {
    const cwd = folderWith({ 'manifest.json': '{}' });

    const { code, stderr } = await cli(['report', '.', '--slowest'], { cwd });

    expect(code).toBe(2);
    expect(stderr).toContain('_attempts.jsonl.gz does not exist. Name the output folder');
  });
});
