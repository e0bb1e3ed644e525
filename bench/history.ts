/**
 * `--save` appends the figures of a call to history/runs.jsonl, one record per line. Times are divided by the time of the
 * reference loop in the same call, so that slower days compare. A later call is held against the last ten records of the same
 * machine, threads and scale.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OURS, OURS_BYTES } from './contenders.ts';
import type { Machine } from './machine.ts';
import { spread } from './statistics.ts';
import type { WorkloadResult } from './suite.ts';

export const HISTORY_FOLDER = fileURLToPath(new URL('./history', import.meta.url));
const RUNS_FILE = 'runs.jsonl';
/** Older ones are dropped, so that the file stays below 100 KiB. */
const RECORDS_MAX = 100;
const COMPARED_RECORDS = 10;
/** With fewer, a median says little. */
const COMPARED_RECORDS_MIN = 3;
/** A figure that is this much above the median of earlier ones is reported. Wall times differ by 10 % from day to day. */
export const WORSE_RATIO_MAX = 1.2;

export interface HistoryRecord {
  /** ISO 8601. */
  readonly date: string;
  /** With a `+` if files were changed since. */
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly scale: number;
  readonly workers: number;
  readonly runs: number;
  /** By workload; those over bytes have `/bytes` after the name. */
  readonly figures: Readonly<Record<string, Figures>>;
}

export interface Figures {
  /** The median wall time divided by the reference loop's. */
  readonly wall: number;
  /** The median CPU time, user and system, divided by the reference loop's. */
  readonly cpu: number;
  /** The highest peak in MiB. */
  readonly peakMib: number;
}

export interface Worse {
  readonly workload: string;
  readonly figure: keyof Figures;
  /** The figure divided by the median of the earlier ones. */
  readonly ratio: number;
  readonly records: number;
}

/** `referenceMs` is the time of the reference loop around the runs of this workload. */
export function figuresOf(result: WorkloadResult, referenceMs: number): [string, Figures][] {
  return result.contenders.flatMap(({ name, summary }): [string, Figures][] => {
    if (summary === undefined || (name !== OURS && name !== OURS_BYTES)) return [];
    const { wallMs, cpuUserMs, cpuSystemMs, peakBytes } = summary;
    return [
      [
        name === OURS ? result.workload : `${result.workload}/bytes`,
        {
          wall: rounded(wallMs.median / referenceMs),
          cpu: rounded((cpuUserMs.median + cpuSystemMs.median) / referenceMs),
          peakMib: Math.round(peakBytes.max / 2 ** 20),
        },
      ],
    ];
  });
}

export function recordOf(call: {
  machine: Machine;
  options: { scale: number; workers: number; runs: number };
  figures: readonly [string, Figures][];
}): HistoryRecord {
  const { cpu, cores, node } = call.machine;
  const { scale, workers, runs } = call.options;
  const date = new Date().toISOString();
  return {
    date,
    commit: commit(),
    cpu,
    cores,
    node,
    scale,
    workers,
    runs,
    figures: Object.fromEntries(call.figures),
  };
}

/** Oldest first. */
export function readHistory(folder: string): HistoryRecord[] {
  const path = join(folder, RUNS_FILE);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as HistoryRecord);
}

export function saveRecord(folder: string, record: HistoryRecord): void {
  const records = [...readHistory(folder), record].slice(-RECORDS_MAX);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, RUNS_FILE), records.map((kept) => `${JSON.stringify(kept)}\n`).join(''));
}

/** Returns the figures of the record that are worse than the median of the last ten comparable ones. */
export function worseThanBefore(record: HistoryRecord, history: readonly HistoryRecord[]): Worse[] {
  return Object.entries(record.figures).flatMap(([name, now]) => {
    const earlier = comparable(record, history).flatMap(({ figures }) => figures[name] ?? []);
    const compared = earlier.slice(-COMPARED_RECORDS);
    if (compared.length < COMPARED_RECORDS_MIN) return [];
    return (['wall', 'cpu', 'peakMib'] as const).flatMap((figure): Worse[] => {
      const ratio = now[figure] / spread(compared.map((figures) => figures[figure])).median;
      return ratio > WORSE_RATIO_MAX ? [{ workload: name, figure, ratio, records: compared.length }] : [];
    });
  });
}

function comparable(record: HistoryRecord, history: readonly HistoryRecord[]): HistoryRecord[] {
  return history.filter(
    ({ cpu, cores, scale, workers }) =>
      cpu === record.cpu && cores === record.cores && scale === record.scale && workers === record.workers,
  );
}

const FIGURE_TITLES = {
  wall: 'wall time (to the reference loop)',
  cpu: 'CPU time (to the reference loop)',
  peakMib: 'peak memory',
};

/** One line for each worse figure, or undefined if there is none. */
export function describeWorse(worse: readonly Worse[]): string | undefined {
  if (worse.length === 0) return undefined;
  return worse
    .map(
      ({ workload, figure, ratio, records }) =>
        `WORSE than before: ${workload}, ${FIGURE_TITLES[figure]}: ${ratio.toFixed(2)} times the median of the last ${records} records`,
    )
    .join('\n');
}

function commit(): string {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: HISTORY_FOLDER_PARENT, encoding: 'utf8' });
  const head = git('rev-parse', '--short=12', 'HEAD');
  if (head.status !== 0) return 'unknown';
  const changed = git('status', '--porcelain', '--untracked-files=no').stdout !== '';
  return `${head.stdout.trim()}${changed ? '+' : ''}`;
}

const HISTORY_FOLDER_PARENT = fileURLToPath(new URL('.', import.meta.url));

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
