/** The options and the outcome of a stage. */
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
  /** Only the stage uses the pool while it runs, except for workers that it lends to `onCorruptShuffle`. */
  readonly pool: ExecutorPool;
  readonly clock: Clock;
  /** For the list of attempts. Default: the time of day. */
  readonly now?: () => Date;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly policy?: Partial<StagePolicy>;
  /** How many bytes the tasks will read in total, for the progress display. */
  readonly bytesTotal?: number;
  /** The attempt numbers of the job, if committed tasks may run again. Default: the attempts of each task start from 0. */
  readonly attemptNumbers?: AttemptNumbers;
  readonly onEvent?: (event: JobEvent) => void;
  readonly signal?: AbortSignal;
  /** Without this hook, an attempt with a CorruptShuffleError counts as failed like any other. */
  readonly onCorruptShuffle?: CorruptShuffleHook;
}

/**
 * Repairs a damaged shuffle: it reruns the map task that wrote the object, and rewrites the index. Called once for each
 * fault, possibly for several targets at the same time. If it rejects, the stage fails with that error.
 */
export type CorruptShuffleHook = (target: RepairTarget, lent: LentToRepair) => Promise<void>;

export interface LentToRepair {
  /** The worker whose attempt found the fault. The stage does not use it until the repair ends. */
  readonly pool: ExecutorPool;
  /** Aborted if the stage fails or is cancelled. */
  readonly signal: AbortSignal;
}

export interface StageOutcome {
  /** In the order of `tasks`. `committed` is false if the attempt that committed died before it could report that. */
  readonly results: readonly TaskResult[];
  readonly report: StageReport;
  /** Failed attempts whose tasks were retried successfully, newest last; bounded. */
  readonly failures: readonly AttemptFailure[];
}
