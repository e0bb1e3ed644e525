/** The slowest attempts of a job, and where their time went. */

import type { Phase } from '../../base/phase-clock.ts';
import { formatBytes, formatCount, formatCountOf, formatDuration } from '../../base/quantities.ts';
import { type AttemptRow, slowestAttempts } from '../../report/attempt-rows.ts';
import { cut, type Paint, printable, printableName } from './paint.ts';
import { tableLines } from './table.ts';

const SHOWN_MAX = 10;
const ERROR_CHARS_MAX = 140;
/** A request id of Lambda and the id of an environment are long; their first characters tell them apart. */
const ID_CHARS_MAX = 12;

const PHASE_NAMES: Readonly<Record<Phase, string>> = {
  waiting: 'wait',
  reading: 'read',
  user: 'user',
  sorting: 'sort',
  spilling: 'spill',
  writing: 'write',
  other: 'other',
};
// The cast: Object.keys() forgets the names.
const PHASES_SHOWN = Object.keys(PHASE_NAMES) as Phase[];

const LEFT_COLUMNS = 3;
const HEADER = [
  ...['task', 'attempt', 'environment', 'start', 'time', 'cold start'],
  ...PHASES_SHOWN.map((phase) => PHASE_NAMES[phase]),
  ...['in', 'records in', 'out', 'memory', 'requests'],
];

/** @param startedAt  of the job. Default: when its first attempt started */
export function attemptLines(
  rows: readonly AttemptRow[],
  { startedAt, paint }: { startedAt?: string | undefined; paint: Paint },
): string[] {
  const slowest = slowestAttempts(rows, SHOWN_MAX);
  if (slowest.length === 0) return ['no attempt has ended yet'];
  const start = startedAt ?? rows.reduce((first, row) => earlier(first, row.startedAt), '9');
  const cells = slowest.map((row) => cellsOf(row, start));
  // A column that says nothing is left out: few attempts spill, and on one machine there are no requests.
  const columns = HEADER.map((_, at) => at).filter((at) =>
    cells.some((row) => !['', '-'].includes(row[at]!)),
  );
  const lines = tableLines(
    [HEADER, ...cells].map((row) => columns.map((at) => row[at]!)),
    columns.map((at) => (at < LEFT_COLUMNS ? 'left' : 'right')),
  );
  return [
    `${paint('dim', `the slowest of ${formatCountOf(rows.length, 'attempt')}`)}`,
    ...lines.flatMap((line, at) => {
      if (at === 0) return [`  ${paint('dim', line)}`];
      const { outcome, error } = slowest[at - 1]!;
      const note = outcome === 'committed' ? [] : [`    ${paint('yellow', outcomeText(outcome, error))}`];
      return [`  ${line}`, ...note];
    }),
  ];
}

function cellsOf(row: AttemptRow, start: string): string[] {
  const { taskId, attemptId, startedAt, elapsedMs, coldStartMs, readRequests, writeRequests } = row;
  return [
    taskId,
    short(attemptId.slice(taskId.length + 1)),
    printableName(short(row.environment ?? '')),
    startedAt === undefined ? '' : formatDuration(Math.max(0, Date.parse(startedAt) - Date.parse(start))),
    shown(elapsedMs, formatDuration),
    shown(coldStartMs, formatDuration),
    ...PHASES_SHOWN.map((phase) => shown(row[`${phase}Ms`], formatDuration)),
    shown(row.bytesRead, formatBytes),
    shown(row.recordsRead, formatCount),
    shown(row.bytesWritten, formatBytes),
    shown(row.peakMemoryBytes, formatBytes),
    shown(readRequests === undefined ? undefined : readRequests + (writeRequests ?? 0), formatCount),
  ];
}

/** A zero is shown as a dash, so that the columns that matter stand out. */
function shown(amount: number | undefined, format: (amount: number) => string): string {
  return amount === undefined ? '' : amount === 0 ? '-' : format(amount);
}

function outcomeText(outcome: AttemptRow['outcome'], error: string | undefined): string {
  return cut(printable(error === undefined ? outcome : `${outcome}: ${error}`), ERROR_CHARS_MAX).split(
    '\n',
    1,
  )[0]!;
}

function short(id: string): string {
  return id.length <= ID_CHARS_MAX ? id : id.slice(0, 8);
}

function earlier(first: string, startedAt: string | undefined): string {
  return startedAt !== undefined && startedAt < first ? startedAt : first;
}
