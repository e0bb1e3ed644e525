/** The rows of the attempts of a job on AWS: from the summaries of those that committed, and the notes of those that failed. */
import { type AttemptRow, committedRow, otherRow } from '../../report/attempt-rows.ts';
import type { TaskSummary } from '../../report/task-summary.ts';
import type { AttemptFailureDocument } from './documents.ts';

/** Attempts that were superseded or stopped leave nothing: writing it would cost a request for each. */
export function attemptRows(
  summaries: readonly TaskSummary[],
  failures: readonly AttemptFailureDocument[],
): AttemptRow[] {
  return [...summaries.map(committedRow), ...failures.map(failedRow)];
}

function failedRow({ attemptId, at, measured, figures, error }: AttemptFailureDocument): AttemptRow {
  return otherRow({ attemptId, outcome: 'failed', endedAt: at, measured, figures, error });
}
