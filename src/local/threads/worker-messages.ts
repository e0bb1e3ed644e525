/** The messages between the coordinator's thread and a worker thread. All other communication uses shared memory. */
import type { SerializedError } from '../../base/errors.ts';
import type { AttemptId } from '../../base/ids.ts';
import type { TaskSpec } from '../../plan/task.ts';
import type { Measured } from '../../report/attempt-meter.ts';
import type { TaskResult } from '../../report/task-summary.ts';

export type ToWorker =
  /** Sent before the first attempt that needs it, and again after it has changed. */
  | { readonly kind: 'configure'; readonly configuration: unknown }
  | ({
      /** Counts the attempts and questions of this worker. */
      readonly run: number;
    } & Work);

/** A piece of work for a worker, which does one at a time. */
export type Work =
  | {
      readonly kind: 'run';
      readonly spec: TaskSpec;
      readonly attemptId: AttemptId;
      readonly scratchFolder: string;
    }
  /** A question for the runner's `answer`; plain data. */
  | { readonly kind: 'ask'; readonly question: unknown };

export type FromWorker =
  | { readonly kind: 'result'; readonly run: number; readonly result: TaskResult }
  | { readonly kind: 'answer'; readonly run: number; readonly answer: unknown }
  | {
      readonly kind: 'error';
      readonly run: number;
      readonly error: SerializedError;
      /** Absent for a question. */
      readonly measured?: Measured | undefined;
    }
  /** The last message of a thread whose code calls process.exit. */
  | ({ readonly kind: 'exiting' } & ExitCall);

export interface ExitCall {
  /** The argument of process.exit as a string; empty without an argument. */
  readonly code: string;
  readonly stack: string;
}

/** Returns undefined for unknown messages, because user code can post to the same port. */
export function parseFromWorker(message: unknown): FromWorker | undefined {
  if (typeof message !== 'object' || message === null || !('kind' in message)) return undefined;
  const { kind } = message;
  const isKnown = kind === 'result' || kind === 'answer' || kind === 'error' || kind === 'exiting';
  // The cast: of what worker-loop.ts sends, the kind determines the rest.
  return isKnown ? (message as FromWorker) : undefined;
}

/** The first message to a worker thread. */
export interface WorkerBirth {
  readonly shared: SharedArrayBuffer;
  /** How much an attempt may keep in the JavaScript heap. */
  readonly heapBoundBytes: number;
  /** The `workerData` of the pool, for example the URL of the job module. */
  readonly data: unknown;
}
