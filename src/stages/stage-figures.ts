/** Computes the figures of a stage from the summaries of the attempts that committed, for every host. */
import type { StageReport, TaskTimes } from '../report/report.ts';
import type { TaskSummary } from '../report/task-summary.ts';

const SUMMED = [
  'recordsRead',
  'bytesRead',
  'recordsWritten',
  'bytesWritten',
  'spills',
  'bytesSpilled',
] as const satisfies readonly (keyof StageReport & keyof TaskSummary)[];

export type StageFigures = Pick<StageReport, (typeof SUMMED)[number] | 'taskTimes'>;

export function stageFigures(summaries: readonly TaskSummary[]): StageFigures {
  // The cast: Object.fromEntries() forgets the names.
  const sums = Object.fromEntries(
    SUMMED.map((field) => [field, summaries.reduce((sum, summary) => sum + summary[field], 0)]),
  ) as Record<(typeof SUMMED)[number], number>;
  return summaries.length === 0 ? sums : { ...sums, taskTimes: taskTimes(summaries) };
}

function taskTimes(summaries: readonly TaskSummary[]): TaskTimes {
  const byTime = summaries.toSorted((a, b) => a.elapsedMs - b.elapsedMs);
  const quantile = (fraction: number) => byTime[Math.floor(fraction * (byTime.length - 1))]!.elapsedMs;
  const slowest = byTime.at(-1)!;
  return {
    medianMs: quantile(0.5),
    p95Ms: quantile(0.95),
    maxMs: slowest.elapsedMs,
    slowestTask: slowest.taskId,
  };
}
