/** What a person at a terminal sees. util-linux's `script` makes one; where it is missing these tests say so. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { allBelow, cli, folderWith, shell } from './cli-process.ts';
import { SLOW } from './job-modules.ts';

const hasScript = commandWorks('script', ['-qec', 'true', '/dev/null']);
if (!hasScript) console.warn("test/cli/terminal.test.ts: SKIPPED, this machine has no util-linux 'script'");

const ESCAPE = '\u001b';
const ERASE_LINE = `${ESCAPE}[2K`;

const lines = (count: number) => Array.from({ length: count }, (_, line) => `line ${line}\n`).join('');

/** Both streams of the command are the terminal. */
function onTerminal(command: string, cwd: string, env: Record<string, string> = {}) {
  const line = `stty cols 100 rows 30; "$node" "$mapreduce" ${command}`;
  return shell(`script -qec ${JSON.stringify(line).replaceAll('$', '\\$')} /dev/null`, {
    cwd,
    env: { TERM: 'xterm', ...env },
  });
}

describe.skipIf(!hasScript)('on a terminal', () => {
  test('progress is drawn in place while the job runs, and gone when it has ended', async () => {
    const cwd = folderWith({ 'slow.ts': SLOW, 'in.txt': lines(400) });

    const { code, stdout } = await onTerminal('run ./slow.ts -i in.txt -o out --workers 2', cwd);

    expect(code).toBe(0);
    expect(stdout).toMatch(/map {5}.*[█░].*\d+ %.* of \d+ tasks? done/);
    expect(stdout).toContain(ERASE_LINE);
    // The last frame is erased before the summary comes.
    const afterwards = stdout.slice(stdout.lastIndexOf('░'));
    expect(afterwards.indexOf(ERASE_LINE)).toBeLessThan(afterwards.indexOf('400 records, '));
    expect(stdout.slice(stdout.lastIndexOf('400 records, '))).not.toMatch(/[█░]/);
  });

  test('a dumb terminal gets plain lines', async () => {
    const cwd = folderWith({ 'slow.ts': SLOW, 'in.txt': lines(500) });

    const { stdout } = await onTerminal('run ./slow.ts -i in.txt -o out --workers 1', cwd, { TERM: 'dumb' });

    expect(stdout).not.toContain(ESCAPE);
    expect(stdout).toMatch(/^slow: \d+ s, map \d+ %/m);
  });

  test('Ctrl-C, the key, stops the job', async () => {
    const cwd = folderWith({ 'slow.ts': SLOW, 'in.txt': lines(20_000) });

    const { code, stdout } = await shell(
      String.raw`(sleep 1.5; printf '\003'; sleep 2) | script -qec "stty cols 100 rows 30; exec '$node' '$mapreduce' run ./slow.ts -i in.txt -o out --split-size 4KiB" /dev/null`,
      { cwd, env: { TERM: 'xterm' } },
    );

    expect(stdout).toContain('Ctrl-C: stopping the job');
    expect(stdout).toContain('stopped: the job was cancelled');
    expect(code).toBe(130);
    expect(allBelow(cwd)).toEqual(['in.txt', 'out', 'slow.ts']);
  });
});

test('in a pipe, progress is plain lines, at most one a second', async () => {
  const cwd = folderWith({ 'slow.ts': SLOW, 'in.txt': lines(600) });
  const startedMs = performance.now();

  const { code, stderr } = await cli(['run', './slow.ts', '-i', 'in.txt', '-o', 'out', '--workers', '1'], {
    cwd,
  });

  const told = stderr.trimEnd().split('\n');
  expect(code).toBe(0);
  expect(stderr).not.toContain(ESCAPE);
  for (const line of told) expect(line).toMatch(/^slow: \d+ s, (map|reduce) \d+ %, \d+ of \d+ tasks? done/);
  expect(told.length).toBeGreaterThanOrEqual(1);
  expect(told.length).toBeLessThanOrEqual((performance.now() - startedMs) / 1000);
});

function commandWorks(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
