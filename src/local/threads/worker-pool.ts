/**
 * Worker threads as a pool of executors. A thread is started when an attempt needs one (or ahead of time, by `warmUp`),
 * runs one attempt after the other, and when it has ended under an attempt, the next attempt gets a new one.
 */
import { isMapReduceError, type MapReduceError } from '../../base/errors.ts';
import type { AttemptId } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import type { TaskSpec } from '../../plan/task.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import type { Scratch } from '../run/scratch.ts';
import { sumOfProgress } from '../schedule/attempt-watch.ts';
import type { AttemptHandle, ExecutorPool } from '../schedule/executor-pool.ts';
import { watchHeap } from './heap-watch.ts';
import { watchStall } from './stall-watch.ts';
import { type LostWork, lostAttempt, outOfMemoryError, threadEndedError } from './worker-errors.ts';
import { certainlyTooMuchBytes, heapBoundBytes } from './worker-heap.ts';
import { printOutput, type WorkerOutput } from './worker-output.ts';
import { type ThreadEnd, WorkerThread } from './worker-thread.ts';

export interface WorkerPoolOptions {
  /** How many threads at most. */
  readonly workers: number;
  /** Module that calls `serveAttempts`. */
  readonly entry: URL;
  /** For the entry's `makeRunner`; plain data. */
  readonly workerData: unknown;
  /** Budget of one worker; bounds its JavaScript heap, see worker-heap.ts. */
  readonly memoryBytes: number;
  /** Where that is to be less. */
  readonly heapBoundBytes?: number;
  readonly scratch: Scratch;
  /** What user code prints in a worker. Default: to this process's own streams. */
  readonly onOutput?: (output: WorkerOutput) => void;
}

export interface Asked {
  /** What the worker does meanwhile, as it reads on after 'died'. */
  readonly where: string;
  readonly signal: AbortSignal | undefined;
  /** Without a sign of life for this long, the worker is stopped. */
  readonly stallTimeoutMs: number;
  readonly stalled: () => MapReduceError;
  /** What to say of a thread that ended by itself, where the pool's own words do not fit. */
  readonly ended?: (end: ThreadEnd) => MapReduceError | undefined;
}

export class WorkerPool implements ExecutorPool, AsyncDisposable {
  readonly workers: readonly number[];
  readonly canKill = true;
  readonly #options: WorkerPoolOptions;
  readonly #heapBoundBytes: number;
  readonly #threads: (WorkerThread | undefined)[];
  #configuration: unknown;
  #isClosed = false;

  constructor(options: WorkerPoolOptions) {
    const { workers } = options;
    if (!(Number.isInteger(workers) && workers >= 1 && workers <= LIMITS.workersMax)) {
      throw new RangeError(`workers is a whole number from 1 to ${LIMITS.workersMax}; received ${workers}`);
    }
    this.#options = options;
    this.#heapBoundBytes = options.heapBoundBytes ?? heapBoundBytes(options.memoryBytes);
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
    const isReused = thread.hasAnswered;
    const { run, answer } = thread.run({
      spec,
      attemptId,
      scratchFolder: this.#options.scratch.attemptFolder(attemptId),
      configuration: this.#configuration,
    });
    let killedFor: MapReduceError | undefined;
    const progress = () => (thread.signals.hasBegun(run) ? thread.progress : undefined);
    const lost = () => lostAttempt({ spec, attemptId, worker, progress: progress() });
    const kill = (reason: MapReduceError) => {
      if (killedFor || thread.hasEnded) return;
      killedFor = reason;
      void thread.terminate();
    };
    const bound = this.#heapBoundBytes;
    const endWatch = watchHeap(
      () => thread.heapBytes(),
      certainlyTooMuchBytes(bound),
      () => kill(outOfMemoryError(lost(), bound)),
    );
    const result = answer.then(async (ended): Promise<TaskResult> => {
      endWatch();
      if (ended.kind === 'result') return ended.result;
      const isHeapFull = ended.kind === 'error' && isMapReduceError(ended.error, 'WorkerOutOfMemoryError');
      // What fills the heap may be kept by the job's module, for good: another attempt needs another thread.
      if (isHeapFull) await thread.terminate();
      // An attempt that ends well has removed its scratch folder itself.
      await this.#options.scratch.removeAttempt(attemptId);
      if (isHeapFull) throw outOfMemoryError(lost(), bound);
      if (ended.kind === 'error') throw ended.error;
      if (ended.kind === 'answer') throw new Error(`worker ${worker} answered ${attemptId} like a question`);
      throw killedFor ?? threadEndedError(lost(), ended.end, bound);
    });
    return {
      result,
      progress,
      isReused,
      checks: () => thread.signals.checks,
      cancel: () => thread.signals.askToStop(run),
      kill,
    };
  }

  /**
   * Has a worker's runner answer a question while no attempt runs on it. Aborting ends the thread at once: a question
   * leaves nothing behind.
   */
  async ask(worker: number, question: unknown, asked: Asked): Promise<unknown> {
    const { signal, stallTimeoutMs, stalled, ended: endedError, where } = asked;
    signal?.throwIfAborted();
    const thread = this.#thread(worker);
    const { answer } = thread.ask(question);
    const lost: LostWork = { worker, where, details: {} };
    const bound = this.#heapBoundBytes;
    let killedFor: unknown;
    const kill = (reason: unknown) => {
      killedFor ??= reason;
      void thread.terminate();
    };
    const onAbort = () => kill(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const endHeapWatch = watchHeap(
      () => thread.heapBytes(),
      certainlyTooMuchBytes(bound),
      () => kill(outOfMemoryError(lost, bound)),
    );
    const endStallWatch = watchStall(
      () => sumOfProgress(thread.progress) + thread.signals.checks,
      stallTimeoutMs,
      () => kill(stalled()),
    );
    try {
      const answered = await answer;
      if (answered.kind === 'answer') return answered.answer;
      if (answered.kind === 'error') throw answered.error;
      if (answered.kind === 'result') throw new Error(`worker ${worker} answered a question like an attempt`);
      throw killedFor ?? endedError?.(answered.end) ?? threadEndedError(lost, answered.end, bound);
    } finally {
      endHeapWatch();
      endStallWatch();
      signal?.removeEventListener('abort', onAbort);
    }
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
      heapBoundBytes: this.#heapBoundBytes,
      onOutput,
    });
    this.#threads[worker] = thread;
    return thread;
  }
}
