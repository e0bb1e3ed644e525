import type { Job } from '../../src/api/job.ts';
import type { Decision } from '../../src/stages/advance.ts';
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
  /** Called with each decision about the job before it is carried out. */
  readonly onDecision?: (decision: Decision) => void;
}

/** What tells one invocation from another. */
export interface Invocation {
  readonly requestId: string;
  readonly remainingMs: () => number;
}
