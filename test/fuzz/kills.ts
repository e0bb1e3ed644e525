/**
 * Kills a job at a random moment while it replaces a result or writes to a new folder, and then runs it again. After
 * the kill, a folder that looks complete must be correct. After the next run, it must have the new or the old result.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../simulation/random.ts';
import { type FuzzCase, makeCase, problemsOf, resultProblems } from './fuzz-case.ts';
import { runCommand, startCommand } from './run-command.ts';

export interface KillEnd {
  readonly problems: string[];
  /** Whether the signal arrived before the job ended. */
  readonly fired: boolean;
}

/** @param typicalMs  the usual duration of a run on this machine; the kills are spread over this time */
export async function fuzzKill(folder: string, random: Random, typicalMs: number): Promise<KillEnd> {
  const fuzzed = makeCase(folder, random, { linesMax: 3_000 });
  const replaces = random.chance(0.7);
  if (replaces) {
    const first = await runCommand(fuzzed.args, fuzzed);
    if (first.code !== 0) return failed(`the first run ended with exit code ${first.code}: ${first.stderr}`);
  }
  const args = [...fuzzed.args, ...(replaces ? ['--overwrite'] : [])];
  const signal = random.weighted([
    [8, 'SIGKILL'],
    [1, 'SIGTERM'],
    [1, 'SIGINT'],
  ] as const);

  const { child, ended } = startCommand(args, fuzzed);
  await Promise.race([sleep(random.int(0, Math.ceil(typicalMs * 1.1))), ended]);
  const fired = child.exitCode === null && child.kill(signal);
  const { code } = await ended;

  const problems = [...wholeProblems(fuzzed), ...(await nextRun(fuzzed, { args, random, replaces }))];
  return {
    problems: problems.map((problem) => `after ${fired ? signal : 'no signal'} (exit ${code}): ${problem}`),
    fired,
  };
}

/**
 * A folder with _SUCCESS must hold a complete result. The job is the same before and after, so only one result is
 * right.
 */
function wholeProblems(fuzzed: FuzzCase): string[] {
  return existsSync(join(fuzzed.output, '_SUCCESS')) ? resultProblems(fuzzed) : [];
}

async function nextRun(
  fuzzed: FuzzCase,
  { args, random, replaces }: { args: readonly string[]; random: Random; replaces: boolean },
): Promise<string[]> {
  if (replaces && random.chance(0.4) && fuzzed.files.some(({ lines }) => lines.length > 0)) {
    const failing = args.map((arg) => (arg === './job.ts' ? './failing.ts' : arg));
    const end = await runCommand([...failing, '--attempts', '1'], fuzzed);
    if (end.code !== 1) return [`a job that throws ended with exit code ${end.code}: ${end.stderr}`];
    const lost = existsSync(join(fuzzed.output, '_SUCCESS'))
      ? resultProblems(fuzzed)
      : ['the old result is lost'];
    if (lost.length > 0) return lost.map((problem) => `after a second job failed: ${problem}`);
  }
  const again = await runCommand([...fuzzed.args, '--overwrite'], fuzzed);
  if (again.code !== 0) return [`the next run ended with exit code ${again.code}: ${again.stderr}`];
  return problemsOf(fuzzed);
}

function failed(problem: string): KillEnd {
  return { problems: [problem], fired: false };
}
