/** What is said of an attempt whose worker thread ended under it, or had to be ended. */
import { type ErrorDetails, MapReduceError } from '../errors.ts';
import type { AttemptId } from '../ids.ts';
import { MiB } from '../limits.ts';
import { lastPosition } from '../schedule/last-position.ts';
import type { Progress, TaskSpec } from '../task.ts';
import type { ThreadEnd } from './worker-thread.ts';

export interface LostAttempt {
  readonly spec: TaskSpec;
  readonly attemptId: AttemptId;
  readonly worker: number;
  /** Undefined when the attempt had not begun. */
  readonly progress: Readonly<Progress> | undefined;
}

export function outOfMemoryError(lost: LostAttempt, heapBoundBytes: number): MapReduceError {
  const { where, details } = describe(lost);
  return new MapReduceError(
    'WorkerOutOfMemoryError',
    `worker ${lost.worker} ran out of JavaScript heap (at most ${Math.round(heapBoundBytes / MiB)} MiB) ${where}. Keep less in the job's own variables, for example no collection that grows with the input, or raise --memory.`,
    { details },
  );
}

export function threadEndedError(lost: LostAttempt, end: ThreadEnd, heapBoundBytes: number): MapReduceError {
  if (end.error?.code === 'ERR_WORKER_OUT_OF_MEMORY') return outOfMemoryError(lost, heapBoundBytes);
  const { where, details } = describe(lost);
  if (end.error !== undefined) {
    return new MapReduceError(
      'WorkerDiedError',
      `worker ${lost.worker} died ${where} of an error that nobody caught: ${end.error.name}: ${end.error.message}`,
      {
        details: { ...details, ...(end.error.stack ? { userStack: end.error.stack } : {}) },
        cause: end.error,
      },
    );
  }
  return new MapReduceError(
    'WorkerDiedError',
    `worker ${lost.worker} died ${where}: its thread ended with exit code ${end.exitCode}. Does the job's code call process.exit()?`,
    { details },
  );
}

function describe({ spec, attemptId, progress }: LostAttempt): { where: string; details: ErrorDetails } {
  const position = lastPosition(spec, progress);
  return {
    where: `in ${spec.stage} attempt ${attemptId}${position.text}`,
    details: { taskId: spec.taskId, attemptId, ...position.details },
  };
}
