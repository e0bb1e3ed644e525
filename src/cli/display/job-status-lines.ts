/** Formats the progress of a job on AWS. */
import type { JobStatus } from '../../aws/client/job-status.ts';
import { formatBytes, formatCount, formatCountOf, formatDuration } from '../../base/quantities.ts';
import { stageList } from '../../plan/stages.ts';
import type { Paint } from './paint.ts';
import { tableLines } from './table.ts';

export function statusLines(
  { jobId, phase, execution, plan, committed }: JobStatus,
  { location, paint }: { location: string; paint: Paint },
): string[] {
  const style = phase === 'succeeded' ? 'green' : phase === 'failed' ? 'red' : 'yellow';
  const facts: string[][] = [];
  if (execution !== undefined) {
    const ms = (execution.stoppedAt ?? new Date()).getTime() - execution.startedAt.getTime();
    facts.push(['started', `${execution.startedAt.toISOString()}, ${formatDuration(Math.max(0, ms))}`]);
    if (execution.redrive > 0) facts.push(['redrives', formatCount(execution.redrive)]);
  }
  if (plan !== undefined) {
    const { inputFiles, inputBytes } = plan.plan;
    facts.push(['input', `${formatCountOf(inputFiles, 'file')}, ${formatBytes(inputBytes)}`]);
    for (const { stage, tasks } of stageList(plan.plan)) {
      const done = formatCount(committed.stages[stage].tasks);
      facts.push([stage, `${done} of ${formatCountOf(tasks, 'task')} done`]);
    }
    if (committed.failedAttempts > 0)
      facts.push(['failed', formatCountOf(committed.failedAttempts, 'attempt')]);
    facts.push(['output', `${location}/${plan.outputPrefix}`]);
  }
  return [
    `${paint('bold', jobId)}  ${paint(style, phase)}`,
    ...tableLines(facts, ['left', 'left']).map((line) => `  ${line}`),
  ];
}
