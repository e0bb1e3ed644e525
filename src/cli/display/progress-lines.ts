/**
 * A progress display as text. On a terminal:
 *
 *     word-count  236 files, 1.20 GB  5 s
 *     map     ████████████░░░░░░░░   61 %  11 of 18 tasks done, 2 running  1.25 M records/s  83.4 MB/s  4 s left
 *     reduce  ░░░░░░░░░░░░░░░░░░░░         4 tasks
 *     1 attempt failed; the last, m-00003.0: WorkerDiedError: ...
 */
import {
  formatByteRate,
  formatBytes,
  formatCount,
  formatCountOf,
  formatDuration,
  formatRecordRate,
  formatSeconds,
} from '../../base/quantities.ts';
import { cut, type Paint, printable } from './paint.ts';
import {
  fractionDone,
  type ProgressState,
  ratesOf,
  remainingMsOf,
  type StageState,
} from './progress-state.ts';

const BAR_CHARS_MAX = 30;
const BAR_CHARS_MIN = 10;
/** Width of the text beside the bar on most lines. */
const TEXT_CHARS = 90;

export interface LiveLinesOptions {
  readonly jobName: string;
  readonly elapsedMs: number;
  readonly columns: number;
  readonly paint: Paint;
}

/** The whole display, one line per stage. No line is wider than the terminal. */
export function liveLines(state: ProgressState, options: LiveLinesOptions): string[] {
  const { jobName, elapsedMs, columns, paint } = options;
  const bar = Math.max(BAR_CHARS_MIN, Math.min(BAR_CHARS_MAX, columns - TEXT_CHARS));
  const lines = [
    `${paint('bold', jobName)}  ${cut(`${inputText(state)}  ${formatSeconds(elapsedMs)}`, columns - jobName.length - 2)}`,
    ...state.stages.map((stage) => stageLine(stage, { bar, columns, paint })),
  ];
  const trouble = troubleText(state);
  if (trouble !== undefined) lines.push(paint('yellow', cut(trouble, columns)));
  return lines;
}

/** The job's progress in one line, for logs and pipes. */
export function plainLine(
  state: ProgressState,
  { jobName, elapsedMs }: Pick<LiveLinesOptions, 'jobName' | 'elapsedMs'>,
): string {
  const start = `${jobName}: ${formatSeconds(elapsedMs)}`;
  const stage = state.stages.findLast(({ state }) => state !== 'waiting') ?? state.stages.at(0);
  if (stage === undefined) return `${start}, looking at the input`;
  const words = [`${percent(stage)} %`, ...stageWords(stage)].join(', ');
  const trouble = troubleText(state);
  return `${start}, ${stage.stage} ${words}${trouble === undefined ? '' : `; ${cut(trouble, 200)}`}`;
}

function inputText({ stages, files, inputBytes }: ProgressState): string {
  return stages.length === 0
    ? 'looking at the input'
    : `${formatCountOf(files, 'file')}, ${formatBytes(inputBytes)}`;
}

function stageLine(stage: StageState, options: { bar: number; columns: number; paint: Paint }): string {
  const { bar, columns, paint } = options;
  const full = Math.round(fractionDone(stage) * bar);
  const shown = stage.state === 'waiting' ? '     ' : `${String(percent(stage)).padStart(3)} %`;
  const name = stage.stage.padEnd(6);
  const text = cut(stageWords(stage).join('  '), columns - name.length - bar - shown.length - 6);
  const style = stage.state === 'done' ? 'green' : 'cyan';
  return `${name}  ${paint(style, '█'.repeat(full))}${paint('dim', '░'.repeat(bar - full))}  ${shown}  ${text}`.trimEnd();
}

function stageWords(stage: StageState): string[] {
  const { state, tasks, done, running, failedAttempts, elapsedMs } = stage;
  if (state === 'waiting') return [formatCountOf(tasks, 'task')];
  const counts = [
    state === 'done'
      ? formatCountOf(tasks, 'task')
      : `${formatCount(done)} of ${formatCountOf(tasks, 'task')} done`,
    ...(running > 0 ? [`${formatCount(running)} running`] : []),
    ...(failedAttempts > 0 ? [`${formatCount(failedAttempts)} failed`] : []),
  ].join(', ');
  const rates = ratesOf(stage);
  const remainingMs = remainingMsOf(stage);
  return [
    counts,
    ...(rates === undefined
      ? []
      : [
          // On AWS, the records of a map stage are counted only when it ends.
          ...(rates.recordsPerSecond > 0 ? [formatRecordRate(rates.recordsPerSecond)] : []),
          formatByteRate(rates.bytesPerSecond),
        ]),
    ...(remainingMs === undefined ? [] : [`${formatSeconds(remainingMs)} left`]),
    ...(state === 'done' ? [formatDuration(elapsedMs)] : []),
  ];
}

function percent(stage: StageState): number {
  return Math.floor(fractionDone(stage) * 100);
}

function troubleText({ failedAttempts, backupAttempts, lastFailure }: ProgressState): string | undefined {
  const texts = [
    ...(failedAttempts === 0
      ? []
      : [`${formatCountOf(failedAttempts, 'attempt')} failed; the last, ${oneLine(lastFailure ?? '')}`]),
    ...(backupAttempts === 0 ? [] : [formatCountOf(backupAttempts, 'backup attempt')]),
  ];
  // The short text comes first, because the long one may be truncated.
  return texts.length === 0 ? undefined : texts.reverse().join('; ');
}

function oneLine(text: string): string {
  return printable(text).split('\n', 1)[0]!;
}
