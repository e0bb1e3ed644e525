/** Runs random jobs through the command and compares the results with a reference. */

import type { Random } from '../../simulation/random.ts';
import { makeCase, problemsOf } from './fuzz-case.ts';
import { runCommand } from './run-command.ts';

/** @returns the problems that it finds */
export async function fuzzJob(folder: string, random: Random): Promise<string[]> {
  const fuzzed = makeCase(folder, random);
  const first = await runCommand(fuzzed.args, fuzzed);
  if (first.code !== 0) return [`exit code ${first.code}: ${first.stderr}`];
  const problems = problemsOf(fuzzed);
  if (problems.length > 0 || random.chance(0.8)) return problems;

  // Run again with the same output: the command must reject this, and replace the result with --overwrite.
  const refused = await runCommand(fuzzed.args, fuzzed);
  if (refused.code !== 2)
    return [`without --overwrite over a result: exit code ${refused.code}: ${refused.stderr}`];
  const afterRefusal = problemsOf(fuzzed);
  if (afterRefusal.length > 0) return afterRefusal.map((problem) => `after the rejected run: ${problem}`);
  const replaced = await runCommand([...fuzzed.args, '--overwrite'], fuzzed);
  if (replaced.code !== 0) return [`--overwrite: exit code ${replaced.code}: ${replaced.stderr}`];
  return problemsOf(fuzzed).map((problem) => `after --overwrite: ${problem}`);
}
