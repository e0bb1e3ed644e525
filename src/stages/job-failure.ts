/** Why a job failed, as the error that people read. The reasons come from advance.ts. */
import { deserializeError, MapReduceError } from '../base/errors.ts';
import { type TaskId, taskId } from '../base/ids.ts';
import type { AttemptFailure } from '../report/report.ts';
import type { FailureReason } from './advance.ts';

/** @param lastFailure  the last failed attempt of a task, where the host knows it */
export function jobFailure(
  reason: FailureReason,
  lastFailure?: (task: TaskId) => Pick<AttemptFailure, 'attemptId' | 'error'> | undefined,
): unknown {
  switch (reason.kind) {
    case 'error':
      return reason.error;
    case 'tasks missing': {
      const { stage, missing, rounds } = reason;
      const first = taskId(stage, missing[0]!);
      const last = lastFailure?.(first);
      const tasks =
        missing.length === 1
          ? `${stage} task ${first} has`
          : `${missing.length} ${stage} tasks (${first} first) have`;
      return new MapReduceError(
        'TaskFailedError',
        `${tasks} no committed output after ${rounds} rounds. ${last === undefined ? 'No attempt recorded an error: check the logs, and whether something else removes or changes files there' : `The last error of ${first}: ${last.error.message}`}`,
        last === undefined
          ? { details: { taskId: first } }
          : {
              details: { taskId: first, attemptId: last.attemptId },
              cause: deserializeError(last.error),
            },
      );
    }
    case 'object damaged':
      return damaged(
        reason.target,
        `was made again ${times(reason.repairs)} and is damaged or missing again`,
      );
    case 'result damaged':
      return damaged(
        reason.target,
        `was damaged or missing each of the ${reason.finishes} times that the result was put together`,
      );
  }
}

function damaged(target: string, what: string): MapReduceError {
  const object = target === 'shuffle-index' ? 'the shuffle index' : `the output of task ${target}`;
  return new MapReduceError(
    'TaskFailedError',
    `${object} ${what}. Check the disk or bucket, and whether something else removes or changes files there`,
    { details: target === 'shuffle-index' ? {} : { taskId: target } },
  );
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
