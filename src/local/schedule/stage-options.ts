/** What a stage is given, and what comes of it. */
import type { Clock } from '../../base/clock.ts';
import type { RepairTarget } from '../../base/errors.ts';
import type { Stage } from '../../base/ids.ts';
import type { TaskSpec } from '../../plan/task.ts';
import type { AttemptFailure, JobEvent, StageReport } from '../../report/report.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import type { StagePolicy } from '../../stages/policy.ts';
import type { AttemptNumbers } from './attempt-numbers.ts';
import type { ExecutorPool } from './executor-pool.ts';

export interface StageOptions {
  readonly stage: Stage;
  readonly tasks: readonly TaskSpec[];
  /** The stage has it to itself while it runs, but for what it lends to `onCorruptShuffle`. */
  readonly pool: ExecutorPool;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly policy?: Partial<StagePolicy>;
  /** What the tasks will have read at the end, for the progress display. */
  readonly bytesTotal?: number;
  /** The job's, where tasks that committed once may be run again; by default each task's attempts start from 0. */
  readonly attemptNumbers?: AttemptNumbers;
  readonly onEvent?: (event: JobEvent) => void;
  readonly signal?: AbortSignal;
  /** Without it a CorruptShuffleError is a failed attempt like any other. */
  readonly onCorruptShuffle?: CorruptShuffleHook;
}

/**
 * Repairs a damaged shuffle: runs the map task again that wrote the object, and writes the index again. Called once for each
 * fault, perhaps for several targets at the same time. If it rejects, the stage fails with that error.
 */
export type CorruptShuffleHook = (target: RepairTarget, lent: LentToRepair) => Promise<void>;

export interface LentToRepair {
  /** The one worker whose attempt found the fault; the stage leaves it alone until the promise settles. */
  readonly pool: ExecutorPool;
  /** Aborted when the stage fails or is cancelled. */
  readonly signal: AbortSignal;
}

export interface StageOutcome {
  /** In the order of `tasks`. `committed` is false where the attempt that committed died before it could say so. */
  readonly results: readonly TaskResult[];
  readonly report: StageReport;
  /** Attempts that failed and were made good, newest last; bounded. */
  readonly failures: readonly AttemptFailure[];
}
