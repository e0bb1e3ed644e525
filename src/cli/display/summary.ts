/** The summary of a job that has succeeded, made from its report. */
import { formatBytes, formatCount, formatCountOf, formatDuration } from '../../base/quantities.ts';
import { sum } from '../../base/sum.ts';
import { estimateFacts } from '../../report/estimate-facts.ts';
import { inputFacts } from '../../report/input-facts.ts';
import type { JobReport, StageReport } from '../../report/report.ts';
import { cut, type Paint, printable, printableMessage, printableName } from './paint.ts';
import { tableLines } from './table.ts';

const COUNTERS_SHOWN_MAX = 20;
const FAILURES_SHOWN_MAX = 3;
const LINE_CHARS_MAX = 110;

export interface SummaryOptions {
  /** The output folder, written so that the user can type it. */
  readonly output: string;
  /** The first lines of the first part that is not empty. */
  readonly firstLines: FirstLines | undefined;
  readonly paint: Paint;
}

export interface FirstLines {
  /** The part's name. */
  readonly name: string;
  /** None of them blank. */
  readonly lines: readonly string[];
  /** Whether blank lines were left out. */
  readonly areSomeBlank: boolean;
}

export function summaryLines(report: JobReport, { output, firstLines, paint }: SummaryOptions): string[] {
  const { jobName, parts, wallMs } = report;
  const records = sum(parts.map((part) => part.records));
  const bytes = sum(parts.map((part) => part.bytes));
  return [
    `${paint('bold', jobName)}: ${formatCountOf(records, 'record')}, ${formatBytes(bytes)} in ${formatDuration(wallMs)}`,
    '',
    ...stageTable(report.stages, paint),
    '',
    ...factLines(report, paint),
    ...counterLines(report, paint),
    ...firstLinesText(firstLines, paint),
    '',
    `${paint('green', 'result')}  ${formatCountOf(parts.length, 'part')} in ${printableName(output)}${output.endsWith('/') ? '' : '/'}${parts.length === 0 ? '' : `  (${partNames(parts.map(({ name }) => name))})`}`,
  ];
}

function stageTable(stages: readonly StageReport[], paint: Paint): string[] {
  const lines = tableLines(
    [
      ['stage', 'tasks', 'time', 'records in', 'bytes in', 'records out', 'bytes out', 'spills'],
      ...stages.map((stage) => [
        stage.stage,
        formatCount(stage.tasks),
        formatDuration(stage.wallMs),
        formatCount(stage.recordsRead),
        formatBytes(stage.bytesRead),
        formatCount(stage.recordsWritten),
        formatBytes(stage.bytesWritten),
        stage.spills === 0 ? '0' : `${formatCount(stage.spills)} (${formatBytes(stage.bytesSpilled)})`,
      ]),
    ],
    ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
  );
  return lines.map((line, row) => `  ${row === 0 ? paint('dim', line) : line}`);
}

function factLines(report: JobReport, paint: Paint): string[] {
  const { input, stages, partitionRecords, failures } = report;
  const failed = sum(stages.map((stage) => stage.failedAttempts));
  const backups = sum(stages.map((stage) => stage.backupAttempts));
  const facts: [name: string, text: string][] = [
    ...inputFacts(input),
    ...(report.estimate === undefined ? [] : estimateFacts(report.estimate)),
    ['retries', `${formatCountOf(failed, 'failed attempt')}, ${formatCountOf(backups, 'backup attempt')}`],
  ];
  const skew = skewOf(partitionRecords);
  if (skew !== undefined) {
    facts.push([
      'skew',
      `${skew.toFixed(2)}  (the largest of ${formatCountOf(partitionRecords.length, 'partition')}, as a multiple of their mean)`,
    ]);
  }
  for (const notice of report.notices ?? []) facts.push(['notice', printableMessage(notice)]);
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  const shown = failures
    .slice(-FAILURES_SHOWN_MAX)
    .map(({ attemptId, error }) =>
      cut(oneLine(`${attemptId}: ${error.name}: ${error.message}`), LINE_CHARS_MAX - 13),
    );
  return [
    ...facts.map(([name, text]) => `  ${paint('dim', name.padEnd(width))}${text}`),
    ...shown.map((text) => `${' '.repeat(width + 2)}${paint('yellow', text)}`),
  ];
}

/** The largest partition as a multiple of their mean; undefined if there is nothing to compare. */
export function skewOf(partitionRecords: readonly number[]): number | undefined {
  const total = sum(partitionRecords);
  if (partitionRecords.length < 2 || total === 0) return undefined;
  // Math.max(...) would fail: there may be more partitions than a call can have arguments.
  const largest = partitionRecords.reduce((a, b) => Math.max(a, b), 0);
  return (largest * partitionRecords.length) / total;
}

/** Only the user's own counters; the table above shows what the engine counts. */
function counterLines({ counters }: JobReport, paint: Paint): string[] {
  const all = Object.entries(counters);
  if (all.length === 0) return [];
  const rows = all
    .slice(0, COUNTERS_SHOWN_MAX)
    .map(([name, count]) => [printableName(name), formatCount(count)]);
  const rest = all.length - rows.length;
  return [
    '',
    `  ${paint('dim', 'counters')}`,
    ...tableLines(rows, ['left', 'right']).map((line) => `    ${line}`),
    ...(rest > 0 ? [`    and ${formatCount(rest)} more in manifest.json`] : []),
  ];
}

function firstLinesText(first: FirstLines | undefined, paint: Paint): string[] {
  if (first === undefined) return [];
  const what =
    first.lines.length === 0
      ? `the first lines of ${first.name} are blank`
      : `first lines of ${first.name}${first.areSomeBlank ? ' that are not blank' : ''}`;
  return [
    '',
    `  ${paint('dim', what)}`,
    ...first.lines.map((line) => `    ${cut(printable(line), LINE_CHARS_MAX)}`),
  ];
}

function partNames(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : `${names[0]} to ${names.at(-1)}`;
}

function oneLine(text: string): string {
  return printable(text).split('\n', 1)[0]!;
}
