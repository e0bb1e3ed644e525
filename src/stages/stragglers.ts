/**
 * Backup attempts (section 3.6 of Google's MapReduce paper): near the end of a stage, a task that takes much longer
 * than its peers is given to an idle worker as well, and whoever commits first has done it. A slow disk or a bad
 * core then costs one task's time and not the stage's.
 */
import type { StagePolicy } from './policy.ts';

/** How long an attempt may run before a backup is worth it; undefined while too few tasks have committed to tell. */
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
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
