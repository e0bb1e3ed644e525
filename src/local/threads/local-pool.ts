/** Starts the worker threads of an embedded run. The first thread also describes and plans the job. */
import type { JobDescription } from '../../api/job-description.ts';
import type { JobPlan } from '../../plan/task.ts';
import { takeEarlyThread, WORKER_MODULE } from '../run/build-modules.ts';
import { type AskOptions, askDescription, askPlan, type PlanQuestion } from '../run/job-questions.ts';
import type { LocalWorkerData } from '../run/local-job.ts';
import type { Scratch } from '../run/scratch.ts';
import type { WorkerOutput } from './worker-output.ts';
import { WorkerPool } from './worker-pool.ts';

export interface LocalPool {
  readonly pool: WorkerPool;
  describe(): Promise<JobDescription>;
  plan(options: PlanQuestion): Promise<JobPlan>;
}

export interface LocalPoolOptions extends AskOptions {
  readonly workers: number;
  readonly memoryBytes: number;
  readonly heapBoundBytes: number;
  readonly scratch: Scratch;
  readonly onOutput?: (output: WorkerOutput) => void;
}

export function localPool(options: LocalPoolOptions): LocalPool {
  const { workers, jobModule, memoryBytes, heapBoundBytes, scratch, onOutput } = options;
  const pool = new WorkerPool({
    workers,
    entry: WORKER_MODULE,
    started: takeEarlyThread(),
    workerData: { jobModule: jobModule.href, memoryBytes } satisfies LocalWorkerData,
    memoryBytes,
    heapBoundBytes,
    scratch,
    ...(onOutput ? { onOutput } : {}),
  });
  // The first worker loads the job while the coordinator does other work. It then describes and plans the job.
  pool.warmUp(1);
  return {
    pool,
    describe: () => askDescription(pool, options),
    plan: (question) => askPlan(pool, question, options),
  };
}
