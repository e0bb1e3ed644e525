/** How patient the coordinator is. Everything has a bound; times in milliseconds. */
import { LIMITS } from '../base/limits.ts';

export interface StagePolicy {
  /** Failed attempts of one task that fail the job. Backup attempts, and attempts that found a damaged object, do not count. */
  readonly attemptsMax: number;
  /** An attempt whose progress does not change for this long is taken away from its worker. */
  readonly stallTimeoutMs: number;
  /** The same for a worker that has not begun yet: it starts a thread and loads the job. */
  readonly startTimeoutMs: number;
  /** An attempt that was asked to stop and goes on is killed after this long. */
  readonly stopGraceMs: number;
  /** Waits before another attempt: uniform in [0, min(max, base * 2^(failures - 1))), "full jitter". */
  readonly backoffMsBase: number;
  readonly backoffMsMax: number;
  readonly backupAttempts: boolean;
  readonly backupAfterCommittedFraction: number;
  readonly backupSlownessFactor: number;
  readonly backupAfterMsMin: number;
  /** How often the workers' progress is looked at. */
  readonly pollIntervalMs: number;
  /** How often it is told. */
  readonly progressIntervalMs: number;
  /** Failed attempts kept for the report. */
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
