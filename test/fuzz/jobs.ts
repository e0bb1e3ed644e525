/** Random jobs through the command against a reference. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeCase, problemsOf } from './fuzz-case.ts';
import type { Random } from './random.ts';
import { runCommand } from './run-command.ts';

/** @returns what is wrong; nothing if all is well */
export async function fuzzJob(folder: string, random: Random): Promise<string[]> {
  const fuzzed = makeCase(folder, random);
  const first = await runCommand(fuzzed.args, fuzzed);
  if (first.code !== 0) return [`exit code ${first.code}: ${first.stderr}`];
  const problems = problemsOf(fuzzed);
  if (problems.length > 0 || random.chance(0.8)) return problems;

  // Once more over its own result: refused, then replaced.
  const refused = await runCommand(fuzzed.args, fuzzed);
  if (refused.code !== 2) return [`over an existing result: exit code ${refused.code}: ${refused.stderr}`];
  const afterRefusal = problemsOf(fuzzed);
  if (afterRefusal.length > 0) return afterRefusal.map((problem) => `after a refusal: ${problem}`);
  const replaced = await runCommand([...fuzzed.args, '--overwrite'], fuzzed);
  if (replaced.code !== 0) return [`--overwrite: exit code ${replaced.code}: ${replaced.stderr}`];
  return problemsOf(fuzzed).map((problem) => `after --overwrite: ${problem}`);
}

export function removeCase(folder: string): void {
  rmSync(join(folder), { recursive: true, force: true });
}
