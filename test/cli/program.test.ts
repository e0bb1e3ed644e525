import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { folderOfTest } from '../helpers/temporary-folder.ts';
import { cli, shell } from './cli-process.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

describe('help and version', () => {
  test('--version prints the version of the package', async () => {
    expect(await cli(['--version'], { cwd: '/' })).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each([
    [['--help'], 'Usage: mapreduce'],
    [['help'], 'Usage: mapreduce'],
    [['run', '--help'], 'Usage: mapreduce run <job> --input <path>... --output <folder>'],
    [['help', 'run'], 'Usage: mapreduce run <job> --input <path>... --output <folder>'],
    [['list', '--help'], 'Usage: mapreduce list'],
    [['describe', '--help'], 'Usage: mapreduce describe'],
  ])('%j prints help with examples', async (args, usage) => {
    const { code, stdout, stderr } = await cli(args, { cwd: '/' });

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(usage);
    expect(stdout).toMatch(/Examples?:\n {2}mapreduce /);
  });

  test('without a command, prints help as an error', async () => {
    const { code, stdout, stderr } = await cli([], { cwd: '/' });

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: mapreduce');
  });

  test('suggests the command that resembles an unknown one', async () => {
    const { code, stderr } = await cli(['rnu'], { cwd: '/' });

    expect(code).toBe(2);
    expect(stderr).toBe("error: unknown command 'rnu'\n(Did you mean run?)\nSee mapreduce --help\n");
  });

  test.each([
    ['plan', '--max-dollar', 'See mapreduce plan --help\nmapreduce submit has --max-dollars\n'],
    ['list', '--slowset', 'See mapreduce list --help\nmapreduce run, report have --slowest\n'],
    ['plan', '--sise', '(Did you mean --size?)\nSee mapreduce plan --help\n'],
    ['plan', '--unheard-of', 'See mapreduce plan --help\n'],
  ])('of %s, explains the unknown option %s', async (command, option, hint) => {
    const { code, stderr } = await cli([command, option], { cwd: '/' });

    expect(code).toBe(2);
    expect(stderr).toBe(`error: unknown option '${option}'\n${hint}`);
  });
});

describe('colours', () => {
  const coloured = async (env: Record<string, string>) =>
    (await cli(['rnu'], { cwd: '/', env })).stderr.includes('\u001b[');

  test('are used on terminals, or if the user forces them', async () => {
    expect(await coloured({})).toBe(false);
    expect(await coloured({ FORCE_COLOR: '1' })).toBe(true);
    expect(await coloured({ NO_COLOR: '1' })).toBe(false);
  });
});

test('npm start shows its own name in the commands that it suggests', () => {
  const start = fileURLToPath(new URL('../../scripts/start.ts', import.meta.url));

  const { stdout } = spawnSync(process.execPath, [start, 'describe', 'word-count'], { encoding: 'utf8' });

  expect(stdout).toContain('\n  npm start -- run word-count --input <path> --output <folder>\n');
});

test('the launcher is executable and finds its entry', () => {
  expect(existsSync(new URL('../../src/cli/main.ts', import.meta.url))).toBe(true);
  expect(readFileSync(new URL('../../bin/mapreduce.js', import.meta.url), 'utf8')).toMatch(
    /^#!\/usr\/bin\/env node\n/,
  );
});

test('an incomplete installation still reports what went wrong', () => {
  const copy = folderOfTest('incomplete-installation');
  const root = fileURLToPath(new URL('../..', import.meta.url));
  for (const name of ['apps', 'bin', 'src', 'package.json'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  rmSync(join(copy, 'src/cli/display/error-text.ts'));

  const args = [join(copy, 'bin/mapreduce.js'), 'run', './job.ts', '--input', 'x'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });

  expect(status).toBe(2);
  expect(stderr).toMatch(/^error: UsageError: mapreduce run needs --output <folder>/);
});

const oldNode = ['/usr/local/bin/node', '/usr/bin/node'].find((path) =>
  /^v(?:1\d|2[0-3])\./.test(versionOf(path)),
);

test.skipIf(oldNode === undefined)('tells users of an older Node.js which version is needed', async () => {
  const { code, stderr } = await shell(`${oldNode} "$mapreduce" list`, { cwd: '/' });

  expect(code).toBe(2);
  expect(stderr).toMatch(/^mapreduce needs Node\.js 24\.3 or later; this is v\d+.*\n$/);
});

function versionOf(node: string): string {
  return spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? '';
}
