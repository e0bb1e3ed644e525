import type { Job } from '../../src/api/job.ts';
import type { NextStep } from '../../src/aws/protocol/job-state.ts';
import { WATCHED_TASKS_MIN } from '../../src/aws/protocol/watch-state.ts';
import type { Stage } from '../../src/base/ids.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

export interface JobRegistry {
  /** @throws UsageError that lists the apps there are */
  readonly find: (app: string) => Promise<Job>;
}

/** What every step has at hand. */
export interface StepEnvironment {
  readonly jobs: JobRegistry;
  /** The bucket. */
  readonly store: ObjectStore;
  readonly now: () => Date;
  /** Map or reduce tasks that run at once. */
  readonly maxConcurrency: number;
  readonly backupAttempts: boolean;
  /** Map tasks, and reduce tasks, that one job may have. */
  readonly maxTasksPerStage: number;
  /** Where the inputs of requests may lie. */
  readonly readablePrefixes: readonly string[];
  /** For buffers, beside the runtime's own. */
  readonly memoryBytes: number;
  /** Under which attempts make a folder each. */
  readonly scratchParent: string;
}

/** What tells one invocation from another. */
export interface Invocation {
  readonly requestId: string;
  readonly remainingMs: () => number;
}

/** Later rounds are short and not watched. */
export function firstRound(
  stage: Stage,
  tasks: number,
  { backupAttempts }: Pick<StepEnvironment, 'backupAttempts'>,
): NextStep {
  return backupAttempts && tasks >= WATCHED_TASKS_MIN ? `${stage}-watched` : stage;
}
