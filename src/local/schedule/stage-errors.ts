/** What the coordinator says when a task or a whole stage cannot go on. */
import { MapReduceError, withDetails } from '../../base/errors.ts';
import type { Stage } from '../../base/ids.ts';
import { lastPosition } from './last-position.ts';
import type { RunningAttempt } from './stage-task.ts';

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
        'Look for a loop that does not end. If one step of the job may take that long, raise --stall-timeout (stallTimeoutMs), or call count() in between',
    };
  }
  if (handle.isReused) {
    return {
      what: `did not begin within ${timeoutMs} ms: its worker is busy with something that the job's code left behind there before, in a task or while the job was planned`,
      remedy: 'Look for a timer or a promise whose code has a loop that does not end',
    };
  }
  return {
    what: `did not begin within ${timeoutMs} ms: its worker is still loading the job module`,
    remedy: 'Look for a top-level await or a loop in the job module that does not end',
  };
}

/** A task that used up its attempts: which one, how often, on which record, and what the last attempt said. */
export function taskFailedError(
  attempt: RunningAttempt,
  error: unknown,
  attemptsMax: number,
): MapReduceError {
  const { spec, failures } = attempt.task;
  const last = withDetails(error, { taskId: spec.taskId, attemptId: attempt.id });
  const { file, offsetBytes } = last.details;
  const place = file === undefined ? '' : ` at byte ${offsetBytes ?? 0} of ${file}`;
  const { name, message } = nameAndMessage(error);
  return new MapReduceError(
    'TaskFailedError',
    `${spec.stage} task ${spec.taskId} failed ${failures} ${failures === 1 ? 'time' : 'times'} (${boundText(failures, attemptsMax)}); the last, ${attempt.id},${place || ' said'}: ${name}: ${message}`,
    { details: last.details, cause: error },
  );
}

/** A backup attempt is made beside the others, and may fail beyond the bound. */
function boundText(failures: number, attemptsMax: number): string {
  const bound = attemptsMax === 1 ? 'at most 1 attempt' : `at most ${attemptsMax} attempts`;
  return failures > attemptsMax ? `${bound}, and backup attempts` : bound;
}

/** An error that another attempt would only repeat: the error itself, with the task it came from. */
export function hopelessError(attempt: RunningAttempt, error: unknown): MapReduceError {
  return withDetails(error, { taskId: attempt.task.spec.taskId, attemptId: attempt.id });
}

export function cancelledError(
  stage: Stage,
  tasks: { committed: number; total: number },
  cause: unknown,
): MapReduceError {
  return new MapReduceError(
    'CancelledError',
    `the job was cancelled in its ${stage} stage, when ${tasks.committed} of ${tasks.total} tasks had committed`,
    { cause },
  );
}

function nameAndMessage(error: unknown): { name: string; message: string } {
  return error instanceof Error ? error : { name: 'Error', message: String(error) };
}
