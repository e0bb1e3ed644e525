/** Formats an estimate for `plan` and `submit --dry-run`. */
import { IDLE_PRICES } from '../../aws/model/prices.ts';
import { formatCount } from '../../base/quantities.ts';
import type { JobEstimate, Spread } from '../../report/estimate.ts';
import { allReads, allWrites, countText, rangeText, secondsText } from '../../report/estimate-facts.ts';
import { formatDollars } from './cost-text.ts';
import type { Paint } from './paint.ts';
import { tableLines } from './table.ts';

export interface EstimatedInput {
  /** `word-count: 3 files, 1.20 GB` */
  readonly title: string;
  readonly estimate: JobEstimate;
  readonly notices: readonly string[];
}

export function estimateLines({ title, estimate, notices }: EstimatedInput, paint: Paint): string[] {
  const { dollars, firstLimit, assumptions, region } = estimate;
  const facts: [name: string, text: string][] = [
    ['time', rangeText(estimate.seconds, secondsText)],
    ['cost', `${rangeText(dollars.total, formatDollars)}, at prices of ${region}`],
    [
      '',
      `functions ${formatDollars(dollars.functions.likely)} for ${spreadCount(estimate.gbSeconds)} GB-seconds, coordination ${formatDollars(dollars.coordination.likely)} for ${spreadCount(estimate.transitions)} transitions, S3 ${formatDollars(dollars.storage.likely)}`,
    ],
    [
      'requests',
      `${rangeText(allReads(estimate), countText)} GETs and HEADs, ${rangeText(allWrites(estimate), countText)} PUTs and LISTs; at most ${countText(estimate.peakReadsPerSecond.likely)} reads a second`,
    ],
    [
      'limit',
      `${firstLimit.limit}: ${formatCount(firstLimit.needed)} of ${formatCount(firstLimit.allowed)} ${firstLimit.unit}${firstLimit.needed > firstLimit.allowed ? `, so ${firstLimit.beyond}` : ''}`,
    ],
    ...assumptions.map((text): [string, string] => ['assumed', text]),
    ...notices.map((text): [string, string] => ['notice', text]),
    ['idle', idleText()],
  ];
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  return [
    paint('bold', title),
    '',
    ...stageLines(estimate, paint),
    '',
    ...facts.map(([name, text]) => `  ${paint('dim', name.padEnd(width))}${text}`),
  ];
}

function stageLines({ stages }: JobEstimate, paint: Paint): string[] {
  const lines = tableLines(
    [
      ['stage', 'tasks', 'one task', 'stage'],
      ...stages.map(({ stage, tasks, taskSeconds, seconds }) => [
        stage,
        formatCount(tasks),
        rangeText(taskSeconds, secondsText),
        rangeText(seconds, secondsText),
      ]),
    ],
    ['left', 'right', 'right', 'right'],
  );
  return lines.map((line, row) => `  ${row === 0 ? paint('dim', line) : line}`);
}

function spreadCount(spread: Spread): string {
  return rangeText(spread, (value) => formatCount(Math.ceil(value)));
}

/** What a deployment costs while no job runs; the estimate has only what the job itself needs. */
function idleText(): string {
  const { dashboard, dashboardsFree, alarm, alarmsFree } = IDLE_PRICES;
  return `not in the cost: stored bytes, logs, traces, and each month $${dashboard} for the dashboard (${dashboardsFree} of an account are free) and $${alarm.toFixed(2)} for each of 4 alarms (${alarmsFree} are free)`;
}
