import type { Job } from '../../src/job.ts';
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
