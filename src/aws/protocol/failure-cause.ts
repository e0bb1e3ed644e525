/** Finds out why a job failed, from what Step Functions reports and the notes of failed attempts. */
import { ERROR_TABLE, type ErrorName, isErrorName } from '../../base/error-table.ts';
import type { SerializedError } from '../../base/errors.ts';
import { isFinal } from './attempt-failures.ts';
import type { AttemptFailureDocument, FailureDocument } from './documents.ts';
import { type Death, reportedFailure } from './lambda-reports.ts';

/** Why a job failed, in the form of failure.json. */
export type FailureCause = Pick<FailureDocument, 'error' | 'message' | 'details'>;

/**
 * @param reported  the error that Step Functions reports
 * @param attempts  notes of failed attempts, oldest first. A Distributed Map reports only that a child failed, and an inline
 *     Map only the error; the notes report which task failed, and why.
 */
export function causeOf(reported: Death, attempts: readonly AttemptFailureDocument[] = []): FailureCause {
  const failure = reportedFailure(reported);
  switch (failure.kind) {
    case 'thrown': {
      const { attemptId } = failure.error.details ?? {};
      const note = attempts.find((attempt) => attempt.attemptId === attemptId);
      // A barrier says more than the note of the last attempt.
      const isOfTask = note !== undefined && failure.error.name === note.error.name;
      return isOfTask ? attemptCause(note) : thrownCause(failure.error);
    }
    case 'death':
      return { error: failure.death.name, message: failure.death.message, details: {} };
    case 'tasks-failed': {
      const last = attempts.findLast(({ error }) => isFinal(error.name)) ?? attempts.at(-1);
      return last === undefined ? otherCause(reported.Error, reported.Cause) : attemptCause(last);
    }
    case 'other':
      return otherCause(failure.name, failure.message);
  }
}

/** Prefers the name of the last attempt's error, which says more than TaskFailedError. */
function thrownCause({ name, message, details = {}, cause }: SerializedError): FailureCause {
  return { error: (name === 'TaskFailedError' ? endingName(cause) : undefined) ?? name, message, details };
}

/** An error that leads to a repair does not end a task. Too many repairs do, and TaskFailedError is the right name then. */
function endingName(last: SerializedError | undefined): ErrorName | undefined {
  if (last === undefined || !isErrorName(last.name)) return undefined;
  return ERROR_TABLE[last.name].retry === 'repair' ? undefined : last.name;
}

function attemptCause({ taskId, attemptId, error }: AttemptFailureDocument): FailureCause {
  return {
    error: error.name,
    message: `task ${taskId} failed permanently: ${error.name}: ${error.message}`,
    details: { ...error.details, taskId, attemptId },
  };
}

function otherCause(name: string, message: string): FailureCause {
  return {
    error: name,
    message: message === '' ? `the execution failed with ${name}` : message,
    details: {},
  };
}
