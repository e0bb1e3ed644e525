/** The bounds and timeouts of a stage: retries, stalls, backup attempts. Times are in milliseconds. */
import { LIMITS } from '../base/limits.ts';

export interface StagePolicy {
  /** If one task fails this often, the job fails. Backup attempts and attempts that found a damaged object do not count. */
  readonly attemptsMax: number;
  /** An attempt that makes no progress for this long is killed. */
  readonly stallTimeoutMs: number;
  /** The same for an attempt that has not begun, because its worker still starts the thread and loads the job. */
  readonly startTimeoutMs: number;
  /** An attempt that ignores cancellation for this long is killed. */
  readonly stopGraceMs: number;
  /** The wait before another attempt is uniform in [0, min(max, base * 2^(failures - 1))): "full jitter". */
  readonly backoffMsBase: number;
  readonly backoffMsMax: number;
  readonly backupAttempts: boolean;
  readonly backupAfterCommittedFraction: number;
  readonly backupSlownessFactor: number;
  readonly backupAfterMsMin: number;
  /** How often the coordinator reads the progress of the workers. */
  readonly pollIntervalMs: number;
  /** How often it reports the progress of the stage. */
  readonly progressIntervalMs: number;
  /** How many failed attempts are kept for the report. */
  readonly failuresKeptMax: number;
}

export const DEFAULT_POLICY: StagePolicy = {
  attemptsMax: LIMITS.attemptsMaxDefault,
  stallTimeoutMs: LIMITS.stallTimeoutMsDefault,
  startTimeoutMs: 60_000,
  stopGraceMs: 500,
  backoffMsBase: 50,
  backoffMsMax: 2_000,
  backupAttempts: true,
  backupAfterCommittedFraction: LIMITS.backupAfterCommittedFraction,
  backupSlownessFactor: LIMITS.backupSlownessFactor,
  backupAfterMsMin: LIMITS.backupAfterMsMin,
  pollIntervalMs: 100,
  progressIntervalMs: 250,
  failuresKeptMax: 1_000,
};
