import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Ended, folderWith, shell } from '../cli-process.ts';
import { jobModule } from '../job-modules.ts';

const RUN = '"$node" "$mapreduce" run word-count -i in.txt -o out';

/** Expects one or two lines that say what to do. */
function expectRemedy({ code, stderr }: Ended, expected: { code: number; message: RegExp }): void {
  expect(stderr).toMatch(expected.message);
  expect(stderr).not.toMatch(/defect|\n\s+at /);
  expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
  expect(code).toBe(expected.code);
}

describe('stdout on a full device', () => {
  test.each(['', '--json'])('keeps the result of run %s, and the error says where it is', async (flag) => {
    const cwd = folderWith({ 'in.txt': 'a\n' });

    const ended = await shell(`${RUN} ${flag} > /dev/full`, { cwd });

    const message =
      /the job succeeded, and its result is in out; .* stdout: no space left .*ENOSPC.* Free some/;
    expectRemedy(ended, { code: 1, message });
    expect(existsSync(join(cwd, 'out/_SUCCESS'))).toBe(true);
  });

  test('does not prevent the report', async () => {
    const cwd = folderWith({ 'in.txt': 'a\n' });

    await shell(`${RUN} --report report.html > /dev/full`, { cwd });

    expect(existsSync(join(cwd, 'report.html'))).toBe(true);
  });

  test.each(['list', 'describe word-count', '--help', 'run --help', '--version'])(
    'makes %s fail with a suggested fix',
    async (command) => {
      const ended = await shell(`"$node" "$mapreduce" ${command} > /dev/full`, { cwd: '/' });

      expectRemedy(ended, { code: 1, message: /cannot write to stdout: .*\(ENOSPC\)\. Free some space/ });
    },
  );

  test('keeps the page of report, and the error says where it is', async () => {
    const cwd = folderWith({ 'in.txt': 'a\n' });

    const ended = await shell(`${RUN} -q && "$node" "$mapreduce" report out -o page.html > /dev/full`, {
      cwd,
    });

    expectRemedy(ended, { code: 1, message: /the report is in page\.html; .*ENOSPC/ });
    expect(existsSync(join(cwd, 'page.html'))).toBe(true);
  });
});

test('stdout that is open only for reading causes an error with a suggested fix', async () => {
  const ended = await shell('"$node" "$mapreduce" list 1< /dev/null', { cwd: '/' });

  expectRemedy(ended, { code: 1, message: /cannot write to stdout: .*\(EBADF\)\. Redirect it/ });
});

describe('stderr on a full device', () => {
  test('does not fail a job that reports its progress there', async () => {
    const slow = jobModule('while (Date.now() % 1500 > 20); emit(line, 1);');
    const cwd = folderWith({ 'slow.ts': slow, 'in.txt': 'a\nb\n' });

    const { code, stdout } = await shell('"$node" "$mapreduce" run ./slow.ts -i in.txt -o out 2> /dev/full', {
      cwd,
    });

    expect(stdout).toContain('result');
    expect(code).toBe(0);
  });

  test('does not change the exit code of an error', async () => {
    const { code } = await shell('"$node" "$mapreduce" run nothing -i a -o b 2> /dev/full', { cwd: '/' });

    expect(code).toBe(2);
  });
});

describe('a report that cannot be written', () => {
  test('causes an error that names the result of the job and how to make the report again', async () => {
    const cwd = folderWith({ 'in.txt': 'a\n' });

    const ended = await shell(`${RUN} -q --report /dev/full`, { cwd });

    const message =
      /the job succeeded, and its result is in out; .*Free some space.*mapreduce report out --output/;
    expectRemedy(ended, { code: 1, message });
  });

  test.each([
    ['/dev/full', 1, /no space left .*\(ENOSPC\)\. Free some space, or name a file on a larger device/],
    ['.', 2, /a folder has that name \(EISDIR\)\. Remove the folder or choose another name/],
    ['no/such/page.html', 2, /\(ENOENT\)\. Name a file in a folder that exists/],
    ['in.txt/page.html', 2, /a part of the path is a file.*\(ENOTDIR\)/],
  ])('causes an error that says what to do: %s', async (file, code, message) => {
    const cwd = folderWith({ 'in.txt': 'a\n' });

    const ended = await shell(`${RUN} -q && "$node" "$mapreduce" report out --output ${file}`, { cwd });

    expectRemedy(ended, { code, message });
  });
});

describe('in a folder that was removed', () => {
  test.each([
    'run word-count -i /etc/hostname -o /tmp/never-made',
    'describe word-count',
    'report out',
    'deploy --local',
    'submit word-count -i a.txt --local',
    'results job --local',
  ])('%s reports this', async (command) => {
    const cwd = folderWith({});

    const ended = await shell(`mkdir gone && cd gone && rmdir ../gone && "$node" "$mapreduce" ${command}`, {
      cwd,
    });

    expectRemedy(ended, {
      code: 2,
      message: /the folder in which this command was started was removed\. Change/,
    });
  });

  test.each(['list', '--help', '--version'])('%s still works', async (command) => {
    const line = `mkdir gone && cd gone && rmdir ../gone && "$node" "$mapreduce" ${command}`;

    expect(await shell(line, { cwd: folderWith({}) })).toMatchObject({ code: 0, stderr: '' });
  });
});
