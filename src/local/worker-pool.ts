/**
 * Worker threads as a pool of executors. A thread is started when an attempt needs one (or ahead of time, by `warmUp`),
 * runs one attempt after the other, and when it has ended under an attempt, the next attempt gets a new one.
 */
import type { MapReduceError } from '../errors.ts';
import type { AttemptId } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { AttemptHandle, ExecutorPool } from '../schedule/executor-pool.ts';
import type { TaskResult, TaskSpec } from '../task.ts';
import type { Scratch } from './scratch.ts';
import { threadEndedError } from './worker-errors.ts';
import { heapBytesMax } from './worker-heap.ts';
import { printOutput, type WorkerOutput } from './worker-output.ts';
import { WorkerThread } from './worker-thread.ts';

export interface WorkerPoolOptions {
  /** How many threads at most. */
  readonly workers: number;
  /** Module that calls `serveAttempts`. */
  readonly entry: URL;
  /** For the entry's `makeRunner`; plain data. */
  readonly workerData: unknown;
  /** Budget of one worker; bounds its JavaScript heap, see worker-heap.ts. */
  readonly memoryBytes: number;
  readonly scratch: Scratch;
  /** What user code prints in a worker. Default: to this process's own streams. */
  readonly onOutput?: (output: WorkerOutput) => void;
}

export class WorkerPool implements ExecutorPool, AsyncDisposable {
  readonly workers: readonly number[];
  readonly canKill = true;
  readonly #options: WorkerPoolOptions;
  readonly #heapBytesMax: number;
  readonly #threads: (WorkerThread | undefined)[];
  #configuration: unknown;
  #isClosed = false;

  constructor(options: WorkerPoolOptions) {
    const { workers } = options;
    if (!(Number.isInteger(workers) && workers >= 1 && workers <= LIMITS.workersMax)) {
      throw new RangeError(`workers is a whole number from 1 to ${LIMITS.workersMax}; received ${workers}`);
    }
    this.#options = options;
    this.#heapBytesMax = heapBytesMax(options.memoryBytes);
    this.workers = Array.from({ length: workers }, (_, worker) => worker);
    this.#threads = new Array(workers).fill(undefined);
  }

  /** Starts the first `count` threads, so that they load the job while the caller does something else. */
  warmUp(count: number): void {
    for (const worker of this.workers.slice(0, count)) this.#thread(worker);
  }

  /** What attempts started from now on are given as their `configuration`; plain data. */
  configure(configuration: unknown): void {
    this.#configuration = configuration;
  }

  start(worker: number, spec: TaskSpec, attemptId: AttemptId): AttemptHandle {
    const thread = this.#thread(worker);
    const { run, answer } = thread.run({
      spec,
      attemptId,
      scratchFolder: this.#options.scratch.attemptFolder(attemptId),
      configuration: this.#configuration,
    });
    let killedFor: MapReduceError | undefined;
    const progress = () => (thread.signals.hasBegun(run) ? thread.progress : undefined);
    const result = answer.then(async (ended): Promise<TaskResult> => {
      if (ended.kind === 'result') return ended.result;
      // An attempt that ends well has removed its scratch folder itself.
      await this.#options.scratch.removeAttempt(attemptId);
      if (ended.kind === 'error') throw ended.error;
      if (killedFor) throw killedFor;
      const heapBytesMax = this.#heapBytesMax;
      throw threadEndedError({ spec, attemptId, worker, end: ended.end, progress: progress(), heapBytesMax });
    });
    return {
      result,
      progress,
      checks: () => thread.signals.checks,
      cancel: () => thread.signals.askToStop(run),
      kill: (reason) => {
        if (killedFor || thread.hasEnded) return;
        killedFor = reason;
        void thread.terminate();
      },
    };
  }

  /** Ends a worker's thread as a crash would, whatever it is doing. For tests of what comes after. */
  async crash(worker: number): Promise<void> {
    await this.#threads[worker]?.terminate();
  }

  /** Ends all threads. Attempts that are still running are rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#threads.map((thread) => (thread?.hasEnded ? undefined : thread?.terminate())));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #thread(worker: number): WorkerThread {
    if (this.#isClosed) throw new Error('the pool of workers is closed');
    const known = this.#threads[worker];
    if (known && !known.hasEnded) return known;
    const { entry, workerData, onOutput = printOutput } = this.#options;
    const thread = new WorkerThread({
      worker,
      entry,
      data: workerData,
      heapBytesMax: this.#heapBytesMax,
      onOutput,
    });
    this.#threads[worker] = thread;
    return thread;
  }
}
