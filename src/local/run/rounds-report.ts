import type { Stage } from '../../base/ids.ts';
import type { StageReport } from '../../report/report.ts';
import type { TaskSummary } from '../../report/task-summary.ts';
import { stageFigures } from '../../stages/stage-figures.ts';
import type { StageOutcome } from '../schedule/stage-options.ts';

/** Attempts and time of all rounds of a stage; records and bytes of what was committed in the end. */
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
