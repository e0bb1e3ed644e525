import type { Job } from '../../src/api/job.ts';
import type { TaskFunction } from '../../src/aws/model/function-memory.ts';
import type { DeploymentShape } from '../../src/aws/model/job-shape.ts';
import type { SettingsDocument } from '../../src/aws/protocol/documents.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { Decision } from '../../src/stages/advance.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { FunctionInstance } from './function-instance.ts';
import type { Wakes } from './wakes.ts';

export interface JobRegistry {
  /** @throws UsageError that lists the deployed apps */
  readonly find: (app: string) => Promise<Job>;
}

/** The environment of every step. */
export interface StepEnvironment {
  readonly jobs: JobRegistry;
  /** The bucket. */
  readonly store: ObjectStore;
  readonly now: () => Date;
  /** For durations and timers. */
  readonly clock: Clock;
  /** Identifies the deployed code of all functions. */
  readonly codeHash: string;
  /** How many map or reduce tasks run at once: of any job, or of the one for which withinRequest() made the environment. */
  readonly maxConcurrency: number;
  readonly backupAttempts: boolean;
  /** A stage of at most this many tasks runs in an inline Map. Default and maximum: LIMITS.inlineTasksMax. */
  readonly inlineTasksMax?: number;
  /** The maximum number of map tasks, and of reduce tasks, of one job. */
  readonly maxTasksPerStage: number;
  /** The function of map and reduce tasks. */
  readonly taskFunction: TaskFunction;
  /** What else estimates need to know about the deployment. What is absent has the default of a deployment. */
  readonly deployment?: Partial<
    Pick<DeploymentShape, 'region' | 'stepMemoryMb' | 'isExpress' | 'taskTimeoutSeconds'>
  >;
  /** The prefixes that the inputs of requests may have. */
  readonly readablePrefixes: readonly string[];
  /** The memory for buffers, in addition to that of the runtime. */
  readonly memoryBytes: number;
  /** The folder in which each attempt creates its own folder. */
  readonly scratchParent: string;
  readonly kept: Kept;
  readonly instance: FunctionInstance;
  /** For the plan step. Default: it wakes no function. */
  readonly wakes?: Wakes;
  /** Called with each decision about the job before it is carried out. */
  readonly onDecision?: (decision: Decision) => void;
}

/** What an execution environment keeps from one invocation to the next. */
export interface Kept {
  /** One environment runs many tasks of the same job, whose settings change only if a redrive accepts other code. */
  lastSettings?: { readonly key: string; readonly document: SettingsDocument };
}

/** What differs between two invocations. */
export interface Invocation {
  readonly requestId: string;
  readonly remainingMs: () => number;
}
