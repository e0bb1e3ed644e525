/** What is said of an attempt whose worker thread ended under it. */
import { type ErrorDetails, MapReduceError } from '../errors.ts';
import type { AttemptId } from '../ids.ts';
import { MiB } from '../limits.ts';
import { lastPosition } from '../schedule/last-position.ts';
import type { Progress, TaskSpec } from '../task.ts';
import type { ThreadEnd } from './worker-thread.ts';

export function threadEndedError(options: {
  readonly spec: TaskSpec;
  readonly attemptId: AttemptId;
  readonly worker: number;
  readonly end: ThreadEnd;
  /** Undefined when the attempt had not begun. */
  readonly progress: Readonly<Progress> | undefined;
  readonly heapBytesMax: number;
}): MapReduceError {
  const { spec, attemptId, worker, end, progress, heapBytesMax } = options;
  const position = lastPosition(spec, progress);
  const details: ErrorDetails = { taskId: spec.taskId, attemptId, ...position.details };
  const where = `in ${spec.stage} attempt ${attemptId}${position.text}`;
  if (end.error?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new MapReduceError(
      'WorkerOutOfMemoryError',
      `worker ${worker} ran out of JavaScript heap (at most ${Math.round(heapBytesMax / MiB)} MiB) ${where}. Keep less in the job's own variables, for example no collection that grows with the input, or raise --memory.`,
      { details },
    );
  }
  if (end.error !== undefined) {
    return new MapReduceError(
      'WorkerDiedError',
      `worker ${worker} died ${where} of an error that nobody caught: ${end.error.name}: ${end.error.message}`,
      {
        details: { ...details, ...(end.error.stack ? { userStack: end.error.stack } : {}) },
        cause: end.error,
      },
    );
  }
  return new MapReduceError(
    'WorkerDiedError',
    `worker ${worker} died ${where}: its thread ended with exit code ${end.exitCode}. Does the job's code call process.exit()?`,
    { details },
  );
}
