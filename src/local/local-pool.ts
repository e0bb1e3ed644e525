/** The pool that an embedded run uses: worker threads, or the calling thread. */
import { mkdir } from 'node:fs/promises';
import type { Job } from '../job.ts';
import type { ExecutorPool } from '../schedule/executor-pool.ts';
import { localEnvironment } from './job-runner.ts';
import type { LocalJob, LocalWorkerData } from './local-job.ts';
import { runTask } from './run-task.ts';
import type { Scratch } from './scratch.ts';
import { SequentialPool } from './sequential-pool.ts';
import { siblingModule } from './sibling-module.ts';
import type { WorkerOutput } from './worker-output.ts';
import { WorkerPool } from './worker-pool.ts';

export interface LocalPool {
  /** Called once the job is planned, before the first attempt. */
  open(job: Job, configuration: LocalJob): ExecutorPool;
  close(): Promise<void>;
}

export function threadPool(options: {
  readonly workers: number;
  readonly jobModule: URL;
  readonly memoryBytes: number;
  readonly scratch: Scratch;
  readonly onOutput?: (output: WorkerOutput) => void;
}): LocalPool & { readonly pool: WorkerPool } {
  const { workers, jobModule, memoryBytes, scratch, onOutput } = options;
  const pool = new WorkerPool({
    workers,
    entry: siblingModule('./worker', import.meta.url),
    workerData: { jobModule: jobModule.href, memoryBytes } satisfies LocalWorkerData,
    memoryBytes,
    scratch,
    ...(onOutput ? { onOutput } : {}),
  });
  // There will be a task in all likelihood: one thread loads the job while it is planned.
  pool.warmUp(1);
  return {
    pool,
    open(_job, configuration) {
      pool.configure(configuration);
      return pool;
    },
    close: () => pool.close(),
  };
}

export function callingThreadPool(options: {
  readonly memoryBytes: number;
  readonly scratch: Scratch;
}): LocalPool {
  const { memoryBytes, scratch } = options;
  return {
    open: (job, configuration) =>
      new SequentialPool({
        runTask,
        async makeEnvironment({ attemptId, progress, control }) {
          const scratchFolder = scratch.attemptFolder(attemptId);
          await mkdir(scratchFolder, { recursive: true });
          const attempt = { configuration, scratchFolder, progress, control };
          return {
            environment: localEnvironment(job, memoryBytes, attempt),
            release: () => scratch.removeAttempt(attemptId),
          };
        },
      }),
    close: async () => {},
  };
}
