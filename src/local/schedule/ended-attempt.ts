/** What an attempt did, for the list of attempts: as far as its thread could measure it, and as the coordinator saw it. */
import type { SerializedError } from '../../base/errors.ts';
import { type AttemptRow, figuresSoFar, otherRow } from '../../report/attempt-rows.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import type { RunningAttempt } from './stage-task.ts';

export interface AttemptEnd {
  readonly outcome: AttemptRow['outcome'];
  /** Absent if the attempt threw. */
  readonly result?: TaskResult;
  readonly error?: SerializedError;
  /** By the coordinator's clock. */
  readonly nowMs: number;
  readonly now: Date;
}

export function rowOf(
  { id, worker, task, startedMs, handle }: RunningAttempt,
  { outcome, result, error, nowMs, now }: AttemptEnd,
): AttemptRow {
  const progress = handle.progress();
  const row = otherRow({
    attemptId: id,
    outcome,
    endedAt: now.toISOString(),
    measured: result === undefined ? handle.measured?.() : result.measured,
    figures: result ?? (progress && figuresSoFar(progress)),
    error,
  });
  const elapsedMs = Math.max(0, Math.round(nowMs - startedMs));
  return {
    ...row,
    startedAt: row.startedAt ?? new Date(now.getTime() - elapsedMs).toISOString(),
    elapsedMs: row.elapsedMs ?? elapsedMs,
    environment: `worker ${worker}`,
    retry: task.failures.filter(({ attempt }) => attempt.id !== id).length,
  };
}
