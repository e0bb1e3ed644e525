/**
 * What the coordinator needs of those who do the work: numbered workers, each of which runs one attempt at a time.
 * Worker threads, the calling thread and the tests' scripted stand-ins all fit it.
 */
import type { MapReduceError } from '../../base/errors.ts';
import type { AttemptId } from '../../base/ids.ts';
import type { Progress } from '../../base/progress.ts';
import type { TaskSpec } from '../../plan/task.ts';
import type { TaskResult } from '../../report/task-summary.ts';

export interface ExecutorPool {
  /** The workers' numbers. Threads are started at need: a worker that is never given an attempt costs nothing. */
  readonly workers: readonly number[];
  /**
   * False where an attempt runs in the coordinator's own thread: it can be asked to stop but not be made to,
   * and nobody watches while it computes.
   */
  readonly canKill: boolean;
  /** Called only for a worker whose last attempt has settled. A worker that died is replaced first. */
  start(worker: number, spec: TaskSpec, attempt: AttemptId): AttemptHandle;
}

export interface AttemptHandle {
  /** Settles once the attempt is over and its worker can take the next one. */
  readonly result: Promise<TaskResult>;
  /** What the attempt last told of itself; undefined until its worker has loaded the job and begun. */
  progress(): Readonly<Progress> | undefined;
  /** Whether the attempt's worker had loaded the job and done something before. Default: no. */
  readonly isReused?: boolean;
  /** Moves whenever the attempt asks whether to stop: it may be alive although its progress stands still. */
  checks(): number;
  /** Asks the attempt to stop at its next check. Idempotent. */
  cancel(): void;
  /** Takes the worker away under the attempt; `result` then rejects with the reason. Idempotent. */
  kill(reason: MapReduceError): void;
}

/** The same pool, seen as having one worker only: what a stage lends to the repair of a shuffle object. */
export function onlyWorker(pool: ExecutorPool, worker: number): ExecutorPool {
  return {
    workers: [worker],
    canKill: pool.canKill,
    start: (at, spec, attempt) => pool.start(at, spec, attempt),
  };
}
