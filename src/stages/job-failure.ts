/** Turns the reason why a job failed (from advance.ts) into the error that users read. */
import { deserializeError, MapReduceError, type RepairTarget } from '../base/errors.ts';
import { type TaskId, taskId } from '../base/ids.ts';
import type { AttemptFailure } from '../report/report.ts';
import type { FailureReason } from './advance.ts';

/** Returns the last failed attempt of a task, if the host knows it. */
export type LastFailure = (task: TaskId) => Pick<AttemptFailure, 'attemptId' | 'error'> | undefined;

export function jobFailure(reason: FailureReason, lastFailure?: LastFailure): unknown {
  switch (reason.kind) {
    case 'error':
      return reason.error;
    case 'tasks missing':
      return tasksMissing(reason, lastFailure);
    case 'object damaged':
      return damaged(
        reason.target,
        `was recreated ${times(reason.repairs)} and is damaged or missing again`,
        lastFailure,
      );
    case 'result damaged':
      return damaged(
        reason.target,
        `was damaged or missing in each of ${reason.finishes} attempts to assemble the result`,
        lastFailure,
      );
  }
}

function tasksMissing(
  { stage, missing, rounds }: FailureReason & { kind: 'tasks missing' },
  lastFailure: LastFailure | undefined,
): MapReduceError {
  const first = taskId(stage, missing[0]!);
  const last = lastFailure?.(first);
  const tasks =
    missing.length === 1
      ? `${stage} task ${first} has`
      : `${missing.length} ${stage} tasks (the first is ${first}) have`;
  const why =
    last === undefined
      ? 'No attempt recorded an error: check the logs, and whether something else removes or changes its files'
      : `The last error of ${first}: ${last.error.message}`;
  return failedTask(first, `${tasks} no committed output after ${rounds} rounds. ${why}`, last);
}

function damaged(target: RepairTarget, what: string, lastFailure: LastFailure | undefined): MapReduceError {
  const advice = 'Check the disk or bucket, and whether something else removes or changes files there';
  if (target === 'shuffle-index') {
    return new MapReduceError('TaskFailedError', `the shuffle index ${what}. ${advice}`);
  }
  return failedTask(target, `the output of task ${target} ${what}. ${advice}`, lastFailure?.(target));
}

function failedTask(task: TaskId, message: string, last: ReturnType<LastFailure>): MapReduceError {
  return new MapReduceError('TaskFailedError', message, {
    details: { taskId: task, ...(last === undefined ? {} : { attemptId: last.attemptId }) },
    ...(last === undefined ? {} : { cause: deserializeError(last.error) }),
  });
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
