/** The errors of attempts and questions whose worker thread ended, or had to be ended. */
import { type ErrorDetails, MapReduceError } from '../../base/errors.ts';
import type { AttemptId } from '../../base/ids.ts';
import { MiB } from '../../base/limits.ts';
import type { Progress } from '../../base/progress.ts';
import type { TaskSpec } from '../../plan/task.ts';
import { lastPosition } from '../schedule/last-position.ts';
import type { ThreadEnd } from './worker-thread.ts';

export interface LostAttempt {
  readonly spec: TaskSpec;
  readonly attemptId: AttemptId;
  readonly worker: number;
  /** Undefined if the attempt had not begun. */
  readonly progress: Readonly<Progress> | undefined;
}

/** What a worker was doing when its thread ended. */
export interface LostWork {
  readonly worker: number;
  /** Follows 'died' in messages: `in map attempt m-00000.0 ...`. */
  readonly where: string;
  readonly details: ErrorDetails;
}

export function lostAttempt({ spec, attemptId, worker, progress }: LostAttempt): LostWork {
  const position = lastPosition(spec, progress);
  return {
    worker,
    where: `in ${spec.stage} attempt ${attemptId}${position.text}`,
    details: { taskId: spec.taskId, attemptId, ...position.details },
  };
}

export function outOfMemoryError(
  { worker, where, details }: LostWork,
  heapBoundBytes: number,
): MapReduceError {
  return new MapReduceError(
    'WorkerOutOfMemoryError',
    `worker ${worker} ran out of JavaScript heap (at most ${Math.round(heapBoundBytes / MiB)} MiB) ${where}. Keep less data in the job's own variables (for example, no collection that grows with the input), or raise --memory. If the machine has no more memory, also lower --workers.`,
    { details },
  );
}

export function threadEndedError(lost: LostWork, end: ThreadEnd, heapBoundBytes: number): MapReduceError {
  if (end.error?.code === 'ERR_WORKER_OUT_OF_MEMORY') return outOfMemoryError(lost, heapBoundBytes);
  const { what, userStack } = causeOfDeath(end);
  return new MapReduceError('WorkerDiedError', `worker ${lost.worker} died ${lost.where}: ${what}`, {
    details: { ...lost.details, ...(userStack === undefined ? {} : { userStack }) },
    cause: end.error,
  });
}

/** Explains why a thread ended, as far as is known. `what` is a clause that follows a colon or a comma. */
export function causeOfDeath({ error, exitCall, exitCode }: ThreadEnd): { what: string; userStack?: string } {
  // Node.js itself calls process.exit after an uncaught error, so check for the error first.
  if (error !== undefined) {
    return {
      what: `the job's code threw an uncaught error: ${error.name}: ${error.message}`,
      ...(error.stack === undefined ? {} : { userStack: error.stack }),
    };
  }
  if (exitCall === undefined) return { what: `its thread ended with exit code ${exitCode}` };
  return { what: `the job's code called process.exit(${exitCall.code})`, userStack: exitCall.stack };
}
