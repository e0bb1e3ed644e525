/** Formats the result of a task that was run by hand. */
import type { Invocation } from '../../aws/client/invocation.ts';
import { invocationReport, isLambdaLine } from '../../aws/protocol/lambda-reports.ts';
import { formatBytes, formatCount, formatCountOf, formatDuration } from '../../base/quantities.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import { shownLine } from './log-line.ts';
import { type Paint, printableName } from './paint.ts';
import { tableLines } from './table.ts';

export function resultText(result: TaskResult, { answer, log }: Invocation, paint: Paint): string {
  const { recordsRead, bytesRead, recordsWritten, bytesWritten, spills, bytesSpilled, counters } = result;
  const facts = [
    ['read', `${formatCountOf(recordsRead, 'record')}, ${formatBytes(bytesRead)}`],
    ['written', `${formatCountOf(recordsWritten, 'record')}, ${formatBytes(bytesWritten)}, and not kept`],
    ['spills', spills === 0 ? '0' : `${formatCount(spills)} (${formatBytes(bytesSpilled)})`],
    ['time', [formatDuration(answer.elapsedMs), ...reported(log)].join(', ')],
    ...Object.entries(counters).map(([name, count]) => [printableName(name), formatCount(count)]),
  ];
  return `${paint('bold', result.taskId)}  ${paint('green', 'ran to its end')}\n${tableLines(facts, [
    'left',
    'left',
  ])
    .map((line) => `  ${line}\n`)
    .join('')}`;
}

function reported(log: string): string[] {
  const { billedMs, memory } = invocationReport(log);
  return [
    ...(billedMs === undefined ? [] : [`${formatDuration(billedMs)} billed`]),
    ...(memory === undefined ? [] : [`${memory.usedMb} of ${memory.sizeMb} MB of memory`]),
  ];
}

/** The lines that the task logged, without the lines of Lambda and the metrics. */
export function logText(log: string, paint: Paint): string {
  const lines = log
    .split('\n')
    .filter((line) => !isLambdaLine(line) && !line.includes('"_aws":{'))
    .map((line) => `  ${shownLine(line, paint)}`);
  return [paint('dim', 'log'), ...(lines.length === 0 ? ['  (nothing)'] : lines)].join('\n');
}
