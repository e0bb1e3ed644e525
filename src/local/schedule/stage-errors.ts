/** The errors of the coordinator when a task or a whole stage cannot continue. */
import { type ErrorDetails, MapReduceError, withDetails } from '../../base/errors.ts';
import type { Stage } from '../../base/ids.ts';
import { lastPosition } from './last-position.ts';
import type { RunningAttempt, TaskFailure } from './stage-task.ts';

export function stalledError(attempt: RunningAttempt, timeoutMs: number): MapReduceError {
  const { spec } = attempt.task;
  const { text, details } = lastPosition(spec, attempt.handle.progress());
  const { what, remedy } = stallOf(attempt, timeoutMs, text);
  return new MapReduceError(
    'TaskStalledError',
    `${spec.stage} attempt ${attempt.id} ${what}; its worker was stopped. ${remedy}.`,
    { details: { taskId: spec.taskId, attemptId: attempt.id, ...details } },
  );
}

function stallOf(
  { begun, handle }: RunningAttempt,
  timeoutMs: number,
  place: string,
): { what: string; remedy: string } {
  if (begun) {
    return {
      what: `made no progress for ${timeoutMs} ms${place}: it read no record and no value, and called neither emit() nor count()`,
      remedy:
        'Check the job for an infinite loop. If one step of the job may take that long, raise --stall-timeout (stallTimeoutMs), or call count() in between',
    };
  }
  if (handle.isReused) {
    return {
      what: `did not start within ${timeoutMs} ms: its worker is still busy with code that the job left running in an earlier task or during planning`,
      remedy: 'Check the callbacks of timers and promises for an infinite loop',
    };
  }
  return {
    what: `did not start within ${timeoutMs} ms: its worker is still loading the job module`,
    remedy: 'Check the module for an infinite loop or a top-level await that never settles',
  };
}

/** The failure that ends a task, and with it the stage. */
export function finalError(
  { attempt, error }: TaskFailure,
  { isHopeless, attemptsMax }: { isHopeless: boolean; attemptsMax: number },
): MapReduceError {
  // An error that every other attempt would repeat is passed on unchanged, with its task and attempt added.
  if (isHopeless) return withDetails(error, { taskId: attempt.task.spec.taskId, attemptId: attempt.id });
  return taskFailedError(attempt, error, attemptsMax);
}

/** Reports a task that used up its attempts: how often it failed, at which record, and the error of the last attempt. */
function taskFailedError(attempt: RunningAttempt, error: unknown, attemptsMax: number): MapReduceError {
  const { spec, failures } = attempt.task;
  const last = withDetails(error, { taskId: spec.taskId, attemptId: attempt.id });
  const where = placeText(last.details);
  const { name, message } = nameAndMessage(error);
  const failed = failures.filter(({ isExcused }) => !isExcused).length;
  const bound = attemptsMax === 1 ? 'at most 1 attempt' : `at most ${attemptsMax} attempts`;
  return new MapReduceError(
    'TaskFailedError',
    `${spec.stage} task ${spec.taskId} failed ${failed} ${failed === 1 ? 'time' : 'times'} (${bound}). The last attempt, ${attempt.id}, failed${where}: ${name}: ${message}`,
    { details: last.details, cause: error },
  );
}

/** ` at byte 12 of /data/a.txt`, ` at record 3`; empty if the place is unknown. */
function placeText({ file, offsetBytes, record }: ErrorDetails): string {
  if (record !== undefined) return ` at record ${record}${file === undefined ? '' : ` of ${file}`}`;
  return file === undefined ? '' : ` at byte ${offsetBytes ?? 0} of ${file}`;
}

export function cancelledError(
  stage: Stage,
  tasks: { committed: number; total: number },
  cause: unknown,
): MapReduceError {
  return new MapReduceError(
    'CancelledError',
    `the job was cancelled in its ${stage} stage, after ${tasks.committed} of ${tasks.total} tasks had committed`,
    { cause },
  );
}

function nameAndMessage(error: unknown): { name: string; message: string } {
  return error instanceof Error ? error : { name: 'Error', message: String(error) };
}
