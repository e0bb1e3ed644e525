/** The tables that the model prints. */

import { S3_FACTS } from '../../src/aws/model/facts.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { sum } from '../../src/base/sum.ts';
import type { Figures } from '../simulate/figures.ts';
import { savedRowOf } from '../simulate/results.ts';
import { formatTable } from '../table.ts';
import { type Modelled, model } from './point.ts';
import { BEFORE, DEPLOYMENT, NOW, type Settings } from './settings.ts';
import { smallUpload } from './small-upload.ts';
import { QUERY_2, QUERY_2_BYTES, SIZES, SORT, WORD_COUNT, type Workload } from './workloads.ts';

export interface TableRow extends Modelled {
  readonly workload: string;
  readonly size: string;
  readonly settings: Settings;
  /** What the simulation of the same job counted, if it has been run. The model has no such figures. */
  readonly lost?: Pick<Figures, 'throttled' | 'failedAttempts'>;
}

/** Word count and sort at five sizes, by the earlier build and by this one. */
export function tableRows(): TableRow[] {
  return [WORD_COUNT, SORT].flatMap((workload) =>
    SIZES.flatMap(([size, inputBytes]) =>
      [BEFORE, NOW].map((settings) => ({
        workload: workload.name,
        size,
        settings,
        ...model({ workload, settings, inputBytes }),
        ...(settings === NOW ? lostOf(workload, inputBytes) : {}),
      })),
    ),
  );
}

function lostOf(workload: Workload, inputBytes: number): Pick<TableRow, 'lost'> {
  const row = savedRowOf(workload, inputBytes);
  return row === undefined ? {} : { lost: { throttled: row.throttled, failedAttempts: row.failedAttempts } };
}

export function describeTable(rows: readonly TableRow[]): string {
  const header = [
    'job',
    'size',
    'build',
    'maps x reducers',
    'GETs',
    'PUTs',
    'peak GET/s',
    "of S3's rate",
    '503s',
    'failed attempts',
    'seconds',
    'functions',
    'coordination',
    'S3',
    'total',
  ];
  return formatTable(
    header,
    rows.map((row) => [row.workload, row.size, row.settings.name, ...cellsOf(row)]),
  );
}

function cellsOf({ settings, evaluation, cost, lost }: TableRow): string[] {
  const figures = [
    count(evaluation.reads + evaluation.readsByTime),
    count(evaluation.writes + evaluation.writesByTime),
    count(peakReads(evaluation)),
    `${(peakReads(evaluation) / S3_FACTS.getsPerSecond.value).toFixed(1)}x`,
    ...(lost === undefined ? ['-', '-'] : [count(lost.throttled), count(lost.failedAttempts)]),
    fateOf(evaluation, settings) ?? count(evaluation.seconds),
    ...[cost.functions, cost.coordination, cost.storageRequests, cost.total].map(dollars),
  ];
  // The plan has been cut short.
  if (!isAllowed(evaluation)) return ['refused', ...figures.map(() => '-')];
  return [evaluation.stages.map(({ tasks }) => count(tasks)).join(' x '), ...figures];
}

/** Whether the plan step accepts a job of so many tasks, in a deployment that allows as many as possible. */
export function isAllowed({ stages }: Modelled['evaluation']): boolean {
  return stages.every(({ tasks }) => tasks <= LIMITS.tasksPerStageMax);
}

/** Why a job does not end, by its build: attempts that S3 throttles use up, and the time limit. */
function fateOf({ stages }: Modelled['evaluation'], { adapts }: Settings): string | undefined {
  const reduce = stages.at(-1)!;
  if (!adapts && reduce.peakReadsPerSecond > THROTTLED_TO_DEATH * S3_FACTS.getsPerSecond.value)
    return 'fails';
  if (stages.some(({ taskSeconds }) => taskSeconds > DEPLOYMENT.taskTimeoutSeconds)) return '> 15 min/task';
  return undefined;
}

/** A sort of 300 x 100, which offers about three times what S3 accepts, failed at a rate that S3 enforced (simulated). */
const THROTTLED_TO_DEATH = 3;

export interface Goal {
  readonly what: string;
  readonly found: number;
  readonly allowed: number;
  readonly unit: 's' | '$';
}

export function goals(): Goal[] {
  const sort = model({ workload: SORT, settings: NOW, inputBytes: 1e12 });
  const query = model({ workload: QUERY_2, settings: NOW, inputBytes: QUERY_2_BYTES });
  const upload = (start: string, warm: boolean): Goal => ({
    what: `upload of 50 kB, from its end to _SUCCESS, functions ${start}`,
    found: smallUpload({ warm }).evaluation.successSeconds,
    allowed: 4,
    unit: 's',
  });
  const seconds = (what: string, { evaluation }: Modelled, allowed: number): Goal => ({
    what,
    found: evaluation.seconds,
    allowed,
    unit: 's',
  });
  const price = (what: string, { cost }: Modelled, allowed: number): Goal => ({
    what,
    found: cost.total,
    allowed,
    unit: '$',
  });
  return [
    seconds('1 TB sort', sort, 480),
    price('1 TB sort', sort, 2.5),
    seconds('AMPLab query 2, 126.8 GB', query, 100),
    price('AMPLab query 2, 126.8 GB', query, 0.1),
    upload('cold', false),
    upload('warm', true),
  ];
}

export function describeGoals(found: readonly Goal[]): string {
  const text = (value: number, unit: Goal['unit']) =>
    unit === '$' ? dollars(value) : `${value.toFixed(1)} s`;
  return formatTable(
    ['goal', 'modelled', 'at most', ''],
    found.map(({ what, found: value, allowed, unit }) => [
      what,
      text(value, unit),
      text(allowed, unit),
      value <= allowed ? 'met' : 'MISSED',
    ]),
  );
}

export function peakReads({ stages }: Modelled['evaluation']): number {
  return Math.max(0, ...stages.map(({ peakReadsPerSecond }) => peakReadsPerSecond));
}

export function tasksOf({ stages }: Modelled['evaluation']): number {
  return sum(stages.map(({ tasks }) => tasks));
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function dollars(value: number): string {
  return `$${value.toFixed(value >= 1 ? 2 : value >= 0.01 ? 3 : 4)}`;
}

export type { Workload };
