/** What the coordinator's thread and a worker's say to each other. Everything else is in shared memory. */
import type { SerializedError } from '../errors.ts';
import type { AttemptId } from '../ids.ts';
import type { TaskResult, TaskSpec } from '../task.ts';

export type ToWorker =
  /** Sent before the first attempt that needs it, and again when it has changed. */
  | { readonly kind: 'configure'; readonly configuration: unknown }
  | {
      readonly kind: 'run';
      /** Counts the attempts of this worker. */
      readonly run: number;
      readonly spec: TaskSpec;
      readonly attemptId: AttemptId;
      readonly scratchFolder: string;
    };

export type FromWorker =
  | { readonly kind: 'result'; readonly run: number; readonly result: TaskResult }
  | { readonly kind: 'error'; readonly run: number; readonly error: SerializedError };

/** What a worker thread is started with. */
export interface WorkerBirth {
  readonly shared: SharedArrayBuffer;
  /** What an attempt may keep in the JavaScript heap. */
  readonly heapBoundBytes: number;
  /** What the pool's owner passed on, for example the URL of the job's module. */
  readonly data: unknown;
}
