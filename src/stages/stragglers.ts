/**
 * Backup attempts (section 3.6 of Google's MapReduce paper). Near the end of a stage, an idle worker also runs a task that
 * takes much longer than the others, and the first attempt to commit wins. So a slow disk or a bad core does not delay
 * the whole stage.
 */
import type { StagePolicy } from './policy.ts';

/** How long an attempt runs before a backup is worthwhile; undefined while too few tasks have committed to estimate it. */
export function stragglerAfterMs(
  tasks: number,
  committedDurationsMs: readonly number[],
  policy: StagePolicy,
): number | undefined {
  const committed = committedDurationsMs.length;
  if (!policy.backupAttempts || committed === 0) return undefined;
  if (committed < tasks * policy.backupAfterCommittedFraction) return undefined;
  return Math.max(policy.backupAfterMsMin, policy.backupSlownessFactor * median(committedDurationsMs));
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
