/**
 * One worker thread, from the coordinator's side.
 *
 *   starting -> idle -> running -> idle -> ... -> ended
 *        \        \________\_______________________/
 *         the thread may end at any point: by itself (process.exit, an uncaught error, no more heap) or terminated
 *
 * A thread that has ended never restarts; the pool creates a new one.
 */
import type { Worker } from 'node:worker_threads';
import { deserializeError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { textOf } from '../../base/thrown.ts';
import type { Measured } from '../../report/attempt-meter.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import { newSharedBuffer, SharedProgress, SharedSignals } from './shared-progress.ts';
import { type StartedThread, startThread } from './start-thread.ts';
import {
  type ExitCall,
  type FromWorker,
  parseFromWorker,
  type ToWorker,
  type Work,
  type WorkerBirth,
} from './worker-messages.ts';
import { forwardLines, type WorkerOutput } from './worker-output.ts';

/** A thread that hangs in a system call does not end when it is terminated. After this long, it is treated as ended. */
const END_WAIT_MS = 5_000;

export interface WorkerThreadOptions {
  readonly worker: number;
  readonly entry: URL;
  readonly data: unknown;
  readonly heapBoundBytes: number;
  readonly onOutput: (output: WorkerOutput) => void;
  /** A thread of the same entry that already runs and has not been told anything. */
  readonly started?: StartedThread | undefined;
}

/** How a thread ended: its exit code, and the uncaught error if there was one. */
export interface ThreadEnd {
  readonly exitCode: number;
  readonly error: (Error & { readonly code?: string }) | undefined;
  /** Undefined unless the job's code called process.exit. */
  readonly exitCall: ExitCall | undefined;
}

/** Work that a thread has received. */
export interface Given {
  readonly run: number;
  readonly answer: Promise<Answer>;
}

/** How an attempt or a question ended: the thread reported it, or the thread ended. */
export type Answer =
  | { readonly kind: 'result'; readonly result: TaskResult }
  | { readonly kind: 'answer'; readonly answer: unknown }
  | { readonly kind: 'error'; readonly error: Error; readonly measured: Measured | undefined }
  | { readonly kind: 'thread ended'; readonly end: ThreadEnd };

export class WorkerThread {
  /** Resolves when the thread has ended, whatever the reason. */
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

  constructor({ worker, entry, data, heapBoundBytes, onOutput, started }: WorkerThreadOptions) {
    const shared = newSharedBuffer();
    this.progress = new SharedProgress(shared);
    this.signals = new SharedSignals(shared);
    this.#thread = (started ?? startThread(entry, { heapBoundBytes, worker })).thread;
    this.#thread.ref();
    this.#thread.postMessage({ shared, heapBoundBytes, data } satisfies WorkerBirth);
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

  /** Whether the thread has loaded the job, successfully or not, and done some work. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Starts an attempt. `signals` identifies it by its run number. `answer` always resolves. */
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

  /** Passes a question to the thread's runner. The result is like that of run(). */
  ask(question: unknown): Given {
    return this.#give({ kind: 'ask', question });
  }

  #give(work: Work, before?: () => void): Given {
    if (this.#pending) {
      throw new Error(
        `${work.kind === 'run' ? work.attemptId : 'a question'} was sent to a worker that is busy`,
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

  /** Returns the used bytes of the thread's JavaScript heap; undefined if it has ended. May take long. */
  async heapBytes(): Promise<number | undefined> {
    try {
      return (await this.#thread.getHeapStatistics()).used_heap_size;
    } catch (error) {
      if (errnoOf(error) === 'ERR_WORKER_NOT_RUNNING') return undefined;
      throw error;
    }
  }

  /** Ends the thread immediately, whatever it is doing. Tests also use it to simulate a crash. */
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
      message.kind === 'error'
        ? { kind: 'error', error: deserializeError(message.error), measured: message.measured }
        : message,
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
