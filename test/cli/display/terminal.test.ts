/**
 * Tests the output on a terminal, which util-linux's `script` provides. Without it, these tests are skipped with a
 * message.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allBelow, folderWith, hasPrinted, startCli, startShell } from '../cli-process.ts';
import { SLOW, WAITING } from '../job-modules.ts';

const hasScript = commandWorks('script', ['-qec', 'true', '/dev/null']);
if (!hasScript)
  console.warn("test/cli/display/terminal.test.ts: SKIPPED, this machine has no util-linux 'script'");

const ESCAPE = '\u001b';
const ERASE_LINE = `${ESCAPE}[2K`;

/** A job that ends only when the test lets it. */
const waiting = { 'waiting.ts': WAITING, 'in.txt': 'first\nwait\nlast\n' };
const letGo = (cwd: string) => writeFileSync(join(cwd, 'go'), '');

/** Starts the command with a terminal as both streams. */
function onTerminal(command: string, cwd: string, env: Record<string, string> = {}) {
  const line = `stty cols 100 rows 30; "$node" "$mapreduce" ${command}`;
  return startShell(`script -qec ${JSON.stringify(line).replaceAll('$', '\\$')} /dev/null`, {
    cwd,
    env: { TERM: 'xterm', ...env },
  });
}

describe.skipIf(!hasScript)('on a terminal', () => {
  test('draws progress in place while the job runs, and erases it at the end', async () => {
    const cwd = folderWith(waiting);

    const child = onTerminal('run ./waiting.ts -i in.txt -o out --workers 2', cwd);
    await hasPrinted(child, /map {5}.*[█░].*\d+ %.* of \d+ tasks? done/);
    letGo(cwd);
    const { code, stdout } = await child.ended;

    expect(code).toBe(0);
    expect(stdout).toContain(ERASE_LINE);
    // The command erases the last frame before it prints the summary.
    const afterwards = stdout.slice(stdout.lastIndexOf('░'));
    expect(afterwards.indexOf(ERASE_LINE)).toBeLessThan(afterwards.indexOf('3 records, '));
    expect(stdout.slice(stdout.lastIndexOf('3 records, '))).not.toMatch(/[█░]/);
  });

  test('prints plain lines on a dumb terminal', async () => {
    const cwd = folderWith(waiting);

    const child = onTerminal('run ./waiting.ts -i in.txt -o out --workers 1', cwd, { TERM: 'dumb' });
    await hasPrinted(child, /^waiting: \d+ s, map \d+ %/m);
    letGo(cwd);
    const { stdout } = await child.ended;

    expect(stdout).not.toContain(ESCAPE);
  });

  test('Ctrl-C on the keyboard stops the job', async () => {
    const manyLines = Array.from({ length: 20_000 }, (_, line) => `line ${line}\n`).join('');
    const cwd = folderWith({ 'slow.ts': SLOW, 'in.txt': manyLines });

    const child = startShell(
      `script -qec "stty cols 100 rows 30; exec '$node' '$mapreduce' run ./slow.ts -i in.txt -o out --split-size 4KiB --workers 2" /dev/null`,
      { cwd, env: { TERM: 'xterm' }, stdin: 'pipe' },
    );
    await hasPrinted(child, /of \d+ tasks done/);
    child.stdin!.write('\u0003');
    const { code, stdout } = await child.ended;

    expect(stdout).toContain('Ctrl-C: stopping the job');
    expect(stdout).toContain('stopped: the job was cancelled');
    expect(code).toBe(130);
    expect(allBelow(cwd)).toEqual(['in.txt', 'slow.ts']);
  });
});

test('in a pipe, progress is plain lines, at most one per second', async () => {
  const cwd = folderWith(waiting);
  const startedMs = performance.now();

  const child = startCli(['run', './waiting.ts', '-i', 'in.txt', '-o', 'out', '--workers', '1'], { cwd });
  await hasPrinted(child, /(\n.*){3}/);
  letGo(cwd);
  const { code, stderr } = await child.ended;

  const lines = stderr.trimEnd().split('\n');
  expect(code).toBe(0);
  expect(stderr).not.toContain(ESCAPE);
  for (const line of lines)
    expect(line).toMatch(/^waiting: \d+ s, (map|reduce) \d+ %, \d+ of \d+ tasks? done/);
  expect(lines.length).toBeLessThanOrEqual((performance.now() - startedMs) / 1000);
});

function commandWorks(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
