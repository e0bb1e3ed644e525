/** What the coordinator's thread and a worker's say to each other. Everything else is in shared memory. */
import type { SerializedError } from '../../base/errors.ts';
import type { AttemptId } from '../../base/ids.ts';
import type { TaskSpec } from '../../plan/task.ts';
import type { TaskResult } from '../../report/task-summary.ts';

export type ToWorker =
  /** Sent before the first attempt that needs it, and again when it has changed. */
  | { readonly kind: 'configure'; readonly configuration: unknown }
  | ({
      /** Counts the attempts and questions of this worker. */
      readonly run: number;
    } & Work);

/** What a worker is given to do, one at a time. */
export type Work =
  | {
      readonly kind: 'run';
      readonly spec: TaskSpec;
      readonly attemptId: AttemptId;
      readonly scratchFolder: string;
    }
  /** For the runner's `answer`; plain data. */
  | { readonly kind: 'ask'; readonly question: unknown };

export type FromWorker =
  | { readonly kind: 'result'; readonly run: number; readonly result: TaskResult }
  | { readonly kind: 'answer'; readonly run: number; readonly answer: unknown }
  | { readonly kind: 'error'; readonly run: number; readonly error: SerializedError }
  /** The last one of a thread whose code calls process.exit. */
  | ({ readonly kind: 'exiting' } & ExitCall);

export interface ExitCall {
  /** As it was passed, printed; empty without an argument. */
  readonly code: string;
  readonly stack: string;
}

/** Undefined for what is none of ours: user code can post to the same port. */
export function parseFromWorker(message: unknown): FromWorker | undefined {
  if (typeof message !== 'object' || message === null || !('kind' in message)) return undefined;
  const { kind } = message;
  const isKnown = kind === 'result' || kind === 'answer' || kind === 'error' || kind === 'exiting';
  return isKnown ? (message as FromWorker) : undefined;
}

/** What a worker thread is started with. */
export interface WorkerBirth {
  readonly shared: SharedArrayBuffer;
  /** What an attempt may keep in the JavaScript heap. */
  readonly heapBoundBytes: number;
  /** What the pool's owner passed on, for example the URL of the job's module. */
  readonly data: unknown;
}
