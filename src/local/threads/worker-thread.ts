/**
 * One worker thread, from the coordinator's side.
 *
 *   starting -> idle -> running -> idle -> ... -> ended
 *        \        \________\_______________________/
 *         the thread may end at any point: by itself (process.exit, an uncaught error, no more heap) or terminated
 *
 * A thread that has ended stays ended; the pool makes another.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { deserializeError } from '../../base/errors.ts';
import { MiB } from '../../base/limits.ts';
import { textOf } from '../../base/thrown.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import { newSharedBuffer, SharedProgress, SharedSignals } from './shared-progress.ts';
import { heapCeilingBytes, YOUNG_GENERATION_MB } from './worker-heap.ts';
import {
  type ExitCall,
  type FromWorker,
  parseFromWorker,
  type ToWorker,
  type Work,
  type WorkerBirth,
} from './worker-messages.ts';
import { forwardLines, type WorkerOutput } from './worker-output.ts';

/** A thread that hangs in a system call does not end when it is terminated: after this long it is left to itself. */
const END_WAIT_MS = 5_000;

export interface WorkerThreadOptions {
  readonly worker: number;
  readonly entry: URL;
  readonly data: unknown;
  readonly heapBoundBytes: number;
  readonly onOutput: (output: WorkerOutput) => void;
}

/** How a thread ended: with which exit code, and with which error if one was not caught. */
export interface ThreadEnd {
  readonly exitCode: number;
  readonly error: (Error & { readonly code?: string }) | undefined;
  /** Undefined unless the job's code called process.exit. */
  readonly exitCall: ExitCall | undefined;
}

/** Work that a thread was given. */
export interface Given {
  readonly run: number;
  readonly answer: Promise<Answer>;
}

/** How an attempt or a question ended: the thread said so, or it is no more. */
export type Answer =
  | { readonly kind: 'result'; readonly result: TaskResult }
  | { readonly kind: 'answer'; readonly answer: unknown }
  | { readonly kind: 'error'; readonly error: Error }
  | { readonly kind: 'thread ended'; readonly end: ThreadEnd };

export class WorkerThread {
  /** Resolves when the thread has ended, for whatever reason. */
  readonly ended: Promise<ThreadEnd>;
  readonly progress: SharedProgress;
  readonly signals: SharedSignals;
  readonly #thread: Worker;
  #end: ThreadEnd | undefined;
  #exitCall: ExitCall | undefined;
  readonly #resolveEnded: (end: ThreadEnd) => void;
  #runs = 0;
  #hasAnswered = false;
  #pending: { readonly run: number; readonly resolve: (answer: Answer) => void } | undefined;
  #configuration: unknown;

  constructor({ worker, entry, data, heapBoundBytes, onOutput }: WorkerThreadOptions) {
    const shared = newSharedBuffer();
    this.progress = new SharedProgress(shared);
    this.signals = new SharedSignals(shared);
    this.#thread = new Worker(entry, {
      name: `mapreduce-${worker}`,
      workerData: { shared, heapBoundBytes, data } satisfies WorkerBirth,
      resourceLimits: {
        maxOldGenerationSizeMb: Math.ceil(heapCeilingBytes(heapBoundBytes) / MiB),
        maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
      },
      env: environment(),
      stdout: true,
      stderr: true,
    });
    const { promise, resolve } = Promise.withResolvers<ThreadEnd>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    let error: ThreadEnd['error'];
    this.#thread.on('message', (message: unknown) => {
      const known = parseFromWorker(message);
      if (known !== undefined) this.#take(known);
    });
    this.#thread.on('error', (thrown: unknown) => {
      // Code can throw anything: null, a symbol, an object without a prototype.
      error = thrown instanceof Error ? thrown : new Error(`it threw ${textOf(thrown)}`);
    });
    this.#thread.on('exit', (exitCode) => this.#endWith({ exitCode, error, exitCall: this.#exitCall }));
    for (const stream of ['stdout', 'stderr'] as const) {
      forwardLines(this.#thread[stream], (text) => onOutput({ stream, worker, text }));
    }
  }

  /** Whether it has loaded the job, successfully or not, and done some work. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Starts an attempt. Its run number is what `signals` knows it by; `answer` always resolves. */
  run({
    configuration,
    ...attempt
  }: Omit<Work & { kind: 'run' }, 'kind'> & { configuration: unknown }): Given {
    return this.#give({ kind: 'run', ...attempt }, () => {
      if (configuration === this.#configuration) return;
      this.#configuration = configuration;
      this.#send({ kind: 'configure', configuration });
    });
  }

  /** The same for a question to the thread's runner. */
  ask(question: unknown): Given {
    return this.#give({ kind: 'ask', question });
  }

  #give(work: Work, before?: () => void): Given {
    if (this.#pending) {
      throw new Error(
        `${work.kind === 'run' ? work.attemptId : 'a question'} was given to a worker that is busy`,
      );
    }
    const run = ++this.#runs;
    this.progress.reset();
    before?.();
    const { promise: answer, resolve } = Promise.withResolvers<Answer>();
    if (this.#end) {
      resolve({ kind: 'thread ended', end: this.#end });
    } else {
      this.#pending = { run, resolve };
      this.#send({ run, ...work });
    }
    return { run, answer };
  }

  /** Used bytes of the thread's JavaScript heap; undefined when it has ended. May take long to answer. */
  async heapBytes(): Promise<number | undefined> {
    try {
      return (await this.#thread.getHeapStatistics()).used_heap_size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_NOT_RUNNING') return undefined;
      throw error;
    }
  }

  /** Ends the thread wherever it is; also the way to play a crash. */
  async terminate(): Promise<void> {
    const giveUp = setTimeout(
      () => this.#endWith({ exitCode: -1, error: undefined, exitCall: undefined }),
      END_WAIT_MS,
    );
    void this.#thread.terminate();
    await this.ended;
    clearTimeout(giveUp);
  }

  #send(message: ToWorker): void {
    this.#thread.postMessage(message);
  }

  #take(message: FromWorker): void {
    if (message.kind === 'exiting') {
      this.#exitCall = message;
      return;
    }
    if (this.#pending?.run !== message.run) return;
    this.#hasAnswered = true;
    this.#settle(
      message.kind === 'error' ? { kind: 'error', error: deserializeError(message.error) } : message,
    );
  }

  #settle(answer: Answer): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.resolve(answer);
  }

  #endWith(end: ThreadEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#resolveEnded(end);
    this.#settle({ kind: 'thread ended', end });
  }
}

/**
 * The process's environment. Where the main thread keeps compiled code on disk, workers do too: it halves the
 * time to start one (27 ms instead of 50 where this was measured), most of which goes into stripping types.
 */
function environment(): NodeJS.ProcessEnv {
  const cache = getCompileCacheDir();
  return cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) };
}
