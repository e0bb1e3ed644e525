import type { Stage } from '../../base/ids.ts';
import type { StageReport } from '../../report/report.ts';
import type { TaskSummary } from '../../report/task-summary.ts';
import { stageFigures } from '../../stages/stage-figures.ts';
import type { StageOutcome } from '../schedule/stage-options.ts';

/** Reports the attempts and the time of all rounds of a stage, and the records and bytes that were finally committed. */
export function roundsReport(
  stage: Stage,
  rounds: readonly StageOutcome[],
  summaries: readonly TaskSummary[],
): StageReport {
  const sum = (field: 'attempts' | 'failedAttempts' | 'backupAttempts' | 'wallMs') =>
    rounds.reduce((total, { report }) => total + report[field], 0);
  return {
    stage,
    tasks: summaries.length,
    attempts: sum('attempts'),
    failedAttempts: sum('failedAttempts'),
    backupAttempts: sum('backupAttempts'),
    wallMs: sum('wallMs'),
    ...stageFigures(summaries),
  };
}
