/**
 * The report of a job as one HTML document that needs nothing else: no network, no script. It is made of the manifest
 * alone, plus, where somebody knows it, what the job has cost. Bounded: of 10,000 parts or failures it shows the first.
 *
 * Names, keys, messages and stacks come from users' code and data. They are escaped where they are put in (html.ts),
 * and the document's own policy lets nothing run or load.
 */
import type { SerializedError } from '../../base/errors.ts';
import {
  formatByteRate,
  formatBytes,
  formatCount,
  formatCountOf,
  formatDuration,
  formatRecordRate,
} from '../../base/quantities.ts';
import { cut } from '../../base/shortened.ts';
import type { AttemptFailure, JobReport, PartReport, StageReport } from '../report.ts';
import { type Html, type HtmlValue, html } from './html.ts';
import { partitions } from './partitions.ts';
import { STYLES } from './styles.ts';
import { timeline } from './timeline.ts';

export interface ReportCost {
  /** `about $0.12`, and whose prices of when these are. */
  readonly total: string;
  readonly parts: readonly string[];
}

export interface ReportPageOptions {
  readonly cost?: ReportCost | undefined;
}

const PARTS_SHOWN_MAX = 20;
const COUNTERS_SHOWN_MAX = 200;
const FAILURES_SHOWN_MAX = 30;
const LABEL_CHARACTERS_MAX = 200;
const TEXT_CHARACTERS_MAX = 1_000;
const STACK_CHARACTERS_MAX = 3_000;

export function reportPage(report: JobReport, { cost }: ReportPageOptions = {}): string {
  const { jobName, jobId, startedAt, wallMs } = report;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${label(jobName)}: ${label(jobId)}</title>
<style>${STYLES}</style>
</head>
<body>
<header>
<h1>${label(jobName)}</h1>
<p class="dim">job <code>${label(jobId)}</code>, started <time datetime="${startedAt}">${startedAt}</time></p>
</header>
<main>
${figures(report, cost)}
${section('Timeline', timeline(report))}
${section('Stages', stageTable(report.stages))}
${report.notices === undefined ? [] : section('Notices', html`${report.notices.map((notice) => html`<p>${cut(notice, TEXT_CHARACTERS_MAX)}</p>`)}`)}
${report.partitionRecords.length === 0 ? [] : section('Skew of the partitions', partitions(report.partitionRecords))}
${section('Failed attempts', failureList(report))}
${section('Counters', counterTable(report.counters))}
${section('Parameters', parameterTable(report))}
${section('Result', partTable(report.parts))}
${cost === undefined ? [] : section('Cost', costText(cost))}
</main>
<footer><p class="dim">Made of manifest.json by mapreduce. ${formatDuration(wallMs)} in all.</p></footer>
</body>
</html>
`;
  return page.text;
}

function section(title: string, content: HtmlValue): Html {
  const id = title.toLowerCase().replaceAll(' ', '-');
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${content}
</section>`;
}

function figures({ input, parts, wallMs, stages }: JobReport, cost: ReportCost | undefined): Html {
  const records = sum(parts.map((part) => part.records));
  const bytes = sum(parts.map((part) => part.bytes));
  const failed = sum(stages.map((stage) => stage.failedAttempts));
  const facts: [name: string, value: string][] = [
    ['time', formatDuration(wallMs)],
    [`in ${formatCountOf(input.files, 'file')} of input`, formatBytes(input.bytes)],
    ['tasks', stages.map((stage) => `${formatCount(stage.tasks)} ${stage.stage}`).join(' + ')],
    ['result', `${formatCountOf(records, 'record')}, ${formatBytes(bytes)}`],
    ['failed attempts', formatCount(failed)],
    ...(cost === undefined ? [] : ([['cost', cost.total.replace(/ {2}.*$/, '')]] as [string, string][])),
  ];
  return html`<ul class="figures">${facts.map(([name, value]) => html`<li><b>${value}</b> ${name}</li>`)}</ul>`;
}

function stageTable(stages: readonly StageReport[]): Html {
  const names = [
    'tasks',
    'attempts',
    'failed',
    'backup',
    'time',
    'median task',
    'slowest task',
    'records in',
    'bytes in',
    'records out',
    'bytes out',
    'spills',
    'speed',
  ];
  return html`<div class="wide"><table>
<thead><tr><th scope="col">stage</th>${names.map((name) => html`<th scope="col" class="n">${name}</th>`)}</tr></thead>
<tbody>${stages.map(stageRow)}</tbody>
</table></div>`;
}

function stageRow(stage: StageReport): Html {
  const { recordsRead, bytesRead, recordsWritten, bytesWritten, spills, bytesSpilled, wallMs } = stage;
  const { taskTimes } = stage;
  const seconds = Math.max(wallMs, 1) / 1000;
  const cells = [
    ...[stage.tasks, stage.attempts, stage.failedAttempts, stage.backupAttempts].map(formatCount),
    formatDuration(wallMs),
    ...(taskTimes === undefined
      ? ['', '']
      : [
          formatDuration(taskTimes.medianMs),
          `${formatDuration(taskTimes.maxMs)}, ${label(taskTimes.slowestTask)}`,
        ]),
    formatCount(recordsRead),
    formatBytes(bytesRead),
    formatCount(recordsWritten),
    formatBytes(bytesWritten),
    spills === 0 ? '0' : `${formatCount(spills)} (${formatBytes(bytesSpilled)})`,
    `${formatRecordRate(recordsRead / seconds)}, ${formatByteRate(bytesRead / seconds)}`,
  ];
  return html`<tr><th scope="row">${stage.stage}</th>${cells.map((cell) => html`<td class="n">${cell}</td>`)}</tr>`;
}

function failureList({ stages, failures }: JobReport): Html {
  const failed = sum(stages.map((stage) => stage.failedAttempts));
  if (failed === 0 && failures.length === 0)
    return html`<p>None: every task was done at its first attempt.</p>`;
  const shown = failures.slice(-FAILURES_SHOWN_MAX).reverse();
  const more = Math.max(failed, failures.length) - shown.length;
  return html`<p>${formatCountOf(Math.max(failed, failures.length), 'attempt')} failed and ${failed === 1 ? 'was' : 'were'} made good by others; the latest first.</p>
${shown.map(failureDetails)}${more > 0 ? html`<p class="dim">${formatCount(more)} more are not shown.</p>` : []}`;
}

function failureDetails({ taskId, attemptId, error }: AttemptFailure): Html {
  const details = error.details ?? {};
  const facts: [name: string, value: string | undefined][] = [
    ['task', taskId],
    ['function', details.phase],
    ['file', details.file],
    ['offset', details.offsetBytes === undefined ? undefined : `byte ${formatCount(details.offsetBytes)}`],
    ['key', details.groupKey],
  ];
  const known = facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
  const stack = stackOf(error);
  return html`<details><summary><code>${label(attemptId)}</code> <span class="bad">${label(error.name)}</span>: ${firstLine(error.message)}</summary>
${factTable(known)}
${error.message.includes('\n') ? html`<pre>${cut(error.message, STACK_CHARACTERS_MAX)}</pre>` : []}${stack === undefined ? [] : html`<pre>${cut(stack, STACK_CHARACTERS_MAX)}</pre>`}
</details>`;
}

/** The user's; of what failed outside their code there is nothing of theirs to show. */
function stackOf({ details, cause }: SerializedError): string | undefined {
  return details?.userStack ?? (cause === undefined ? undefined : stackOf(cause));
}

function counterTable(counters: JobReport['counters']): Html {
  const entries = Object.entries(counters);
  if (entries.length === 0) return html`<p class="dim">The job has none.</p>`;
  const rows = entries.slice(0, COUNTERS_SHOWN_MAX);
  return html`<table><tbody>${rows.map(
    ([name, count]) =>
      html`<tr><th scope="row">${label(name)}</th><td class="n">${formatCount(Number(count))}</td></tr>`,
  )}</tbody></table>${andMore(entries.length - rows.length)}`;
}

function parameterTable({ params, reducers, input }: JobReport): Html {
  return factTable([
    ...Object.entries(params).map(([name, value]): [string, string] => [name, String(value)]),
    ['reducers', reducers === 0 ? 'none: a map-only job' : formatCount(reducers)],
    [
      'input',
      `${formatCountOf(input.files, 'file')}, ${formatBytes(input.bytes)}, ${formatCountOf(input.splits, 'split')}`,
    ],
  ]);
}

function factTable(facts: readonly (readonly [name: string, value: string])[]): Html {
  return html`<table><tbody>${facts.map(
    ([name, value]) =>
      html`<tr><th scope="row">${label(name)}</th><td>${cut(value, TEXT_CHARACTERS_MAX)}</td></tr>`,
  )}</tbody></table>`;
}

function partTable(parts: readonly PartReport[]): Html {
  const rows = parts.slice(0, PARTS_SHOWN_MAX);
  return html`<div class="wide"><table>
<thead><tr><th scope="col">part</th><th scope="col" class="n">records</th><th scope="col" class="n">bytes</th><th scope="col">CRC-32</th></tr></thead>
<tbody>${rows.map(
    ({ name, records, bytes, crc32 }) =>
      html`<tr><th scope="row">${label(name)}</th><td class="n">${formatCount(records)}</td><td class="n">${formatBytes(bytes)}</td><td><code>${label(crc32)}</code></td></tr>
`,
  )}</tbody>
</table></div>${andMore(parts.length - rows.length)}`;
}

function costText({ total, parts }: ReportCost): Html {
  return html`<p>${total}</p>
${parts.map((part) => html`<p class="dim">${part}</p>`)}`;
}

function andMore(count: number): Html {
  return count <= 0 ? html`` : html`<p class="dim">and ${formatCount(count)} more, in manifest.json</p>`;
}

function firstLine(text: string): string {
  return cut(text.split('\n', 1)[0]!, 300);
}

function label(text: string): string {
  return cut(text, LABEL_CHARACTERS_MAX);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
