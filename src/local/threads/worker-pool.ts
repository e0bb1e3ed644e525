/**
 * A pool of worker threads. A thread starts when an attempt needs one, or earlier through `warmUp`, and runs one attempt at
 * a time. If a thread ends during an attempt, the next attempt gets a new thread.
 */
import { isMapReduceError, type MapReduceError } from '../../base/errors.ts';
import type { AttemptId } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import type { TaskSpec } from '../../plan/task.ts';
import type { Measured } from '../../report/attempt-meter.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import type { Scratch } from '../run/scratch.ts';
import { sumOfProgress } from '../schedule/attempt-watch.ts';
import type { AttemptHandle, ExecutorPool } from '../schedule/executor-pool.ts';
import { watchHeap } from './heap-watch.ts';
import { watchStall } from './stall-watch.ts';
import type { StartedThread } from './start-thread.ts';
import { type LostWork, lostAttempt, outOfMemoryError, threadEndedError } from './worker-errors.ts';
import { certainlyTooMuchBytes, heapBoundBytes } from './worker-heap.ts';
import { printOutput, type WorkerOutput } from './worker-output.ts';
import { type ThreadEnd, WorkerThread } from './worker-thread.ts';

export interface WorkerPoolOptions {
  /** The maximum number of threads. */
  readonly workers: number;
  /** The module that calls `serveAttempts`. */
  readonly entry: URL;
  /** Passed to `makeRunner` of the entry module; plain data. */
  readonly workerData: unknown;
  /** Budget of one worker. It also bounds the JavaScript heap, see worker-heap.ts. */
  readonly memoryBytes: number;
  /** The bound of the JavaScript heap, if it must be lower than the usual one for `memoryBytes`. */
  readonly heapBoundBytes?: number;
  readonly scratch: Scratch;
  /** A thread of `entry` that has been started already; used for the first worker. */
  readonly started?: StartedThread | undefined;
  /** Receives what user code prints in a worker. Default: writes it to this process's own streams. */
  readonly onOutput?: (output: WorkerOutput) => void;
}

export interface Asked {
  /** What the worker does to answer. Follows 'died' in messages. */
  readonly where: string;
  readonly signal: AbortSignal | undefined;
  /** A worker that makes no progress for this long is stopped. */
  readonly stallTimeoutMs: number;
  readonly stalled: () => MapReduceError;
  /** The error for a thread that ended by itself; undefined to use the pool's own error. */
  readonly ended?: (end: ThreadEnd) => MapReduceError | undefined;
}

export class WorkerPool implements ExecutorPool, AsyncDisposable {
  readonly workers: readonly number[];
  readonly canKill = true;
  readonly #options: WorkerPoolOptions;
  readonly #heapBoundBytes: number;
  readonly #threads: (WorkerThread | undefined)[];
  #started: StartedThread | undefined;
  #configuration: unknown;
  #isClosed = false;

  constructor(options: WorkerPoolOptions) {
    const { workers } = options;
    if (!(Number.isInteger(workers) && workers >= 1 && workers <= LIMITS.workersMax)) {
      throw new RangeError(
        `workers must be a whole number from 1 to ${LIMITS.workersMax}; received ${workers}`,
      );
    }
    this.#options = options;
    this.#heapBoundBytes = options.heapBoundBytes ?? heapBoundBytes(options.memoryBytes);
    this.workers = Array.from({ length: workers }, (_, worker) => worker);
    this.#threads = new Array(workers).fill(undefined);
    this.#started = options.started;
  }

  /** Starts the first `count` threads, so that they load the job while the caller does other work. */
  warmUp(count: number): void {
    for (const worker of this.workers.slice(0, count)) this.#thread(worker);
  }

  /** Sets the `configuration` of attempts that start from now on; plain data. */
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
    let measured: Measured | undefined;
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
      if (ended.kind === 'error') measured = ended.measured;
      const isHeapFull = ended.kind === 'error' && isMapReduceError(ended.error, 'WorkerOutOfMemoryError');
      // The job module may keep the data that fills the heap, so another attempt needs a new thread.
      if (isHeapFull) await thread.terminate();
      // A successful attempt has already removed its scratch folder.
      await this.#options.scratch.removeAttempt(attemptId);
      if (isHeapFull) throw outOfMemoryError(lost(), bound);
      if (ended.kind === 'error') throw ended.error;
      if (ended.kind === 'answer') throw new Error(`worker ${worker} answered ${attemptId} like a question`);
      throw killedFor ?? threadEndedError(lost(), ended.end, bound);
    });
    return {
      result,
      progress,
      measured: () => measured,
      isReused,
      checks: () => thread.signals.checks,
      cancel: () => thread.signals.askToStop(run),
      kill,
    };
  }

  /**
   * Has a worker's runner answer a question while no attempt runs on it. An abort ends the thread immediately, because a
   * question writes nothing that must be removed.
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

  /** Ends a worker's thread immediately, as a crash would. For tests. */
  async crash(worker: number): Promise<void> {
    await this.#threads[worker]?.terminate();
  }

  /** Ends all threads. Attempts that still run are rejected. */
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
      started: this.#takeStarted(),
    });
    this.#threads[worker] = thread;
    return thread;
  }

  /** Undefined if there is none, or if its limits are not those of this pool. */
  #takeStarted(): StartedThread | undefined {
    const started = this.#started;
    this.#started = undefined;
    // Node gives a thread that has ended this id.
    if (started === undefined || started.thread.threadId === -1) return undefined;
    if (started.heapBoundBytes === this.#heapBoundBytes) return started;
    void started.thread.terminate();
    return undefined;
  }
}
