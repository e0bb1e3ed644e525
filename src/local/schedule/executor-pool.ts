/**
 * The interface between the coordinator and the workers: numbered workers, each of which runs one attempt at a time. Worker
 * threads, the calling thread and the scripted workers of tests implement it.
 */
import type { MapReduceError } from '../../base/errors.ts';
import type { AttemptId } from '../../base/ids.ts';
import type { Progress } from '../../base/progress.ts';
import type { TaskSpec } from '../../plan/task.ts';
import type { Measured } from '../../report/attempt-meter.ts';
import type { TaskResult } from '../../report/task-summary.ts';

export interface ExecutorPool {
  /** The numbers of the workers. Threads start on demand: a worker that never gets an attempt costs nothing. */
  readonly workers: readonly number[];
  /**
   * False if attempts run in the coordinator's own thread. They can be cancelled but not killed, and they are not watched
   * while they compute.
   */
  readonly canKill: boolean;
  /** Called only if the previous attempt on this worker has settled. A worker that died is replaced first. */
  start(worker: number, spec: TaskSpec, attempt: AttemptId): AttemptHandle;
}

export interface AttemptHandle {
  /** Settles when the attempt has ended and its worker can run the next one. */
  readonly result: Promise<TaskResult>;
  /** The latest progress of the attempt; undefined until its worker has loaded the job and started the attempt. */
  progress(): Readonly<Progress> | undefined;
  /** What an attempt that failed has measured. Known once `result` has settled, unless its thread died. */
  measured?(): Measured | undefined;
  /** Whether the worker of the attempt had already loaded the job and done some work. Default: false. */
  readonly isReused?: boolean;
  /** Changes each time the attempt checks for cancellation. So it shows that an attempt is alive even without progress. */
  checks(): number;
  /** Asks the attempt to stop at its next check. Idempotent. */
  cancel(): void;
  /** Kills the worker that runs the attempt. `result` then rejects with the reason. Idempotent. */
  kill(reason: MapReduceError): void;
}

/** Returns a view of the pool with one worker only. A stage lends it to the repair of a shuffle object. */
export function onlyWorker(pool: ExecutorPool, worker: number): ExecutorPool {
  return {
    workers: [worker],
    canKill: pool.canKill,
    start: (at, spec, attempt) => pool.start(at, spec, attempt),
  };
}
