/** The curves of docs/cost.md: time, dollars and requests over the size of the input. bench/charts draws them. */
import { model } from './point.ts';
import { isAllowed } from './report.ts';
import { BEFORE, NOW } from './settings.ts';
import { SORT, WORD_COUNT } from './workloads.ts';

export interface Chart {
  /** Of the file, without .svg. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  /** The points as JSON, for whoever reads the picture as text, and for the test of the page. */
  readonly description: string;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly lines: readonly Line[];
}

type Tick = readonly [value: number, label: string];

export interface Line {
  readonly job: string;
  readonly build: string;
  readonly points: readonly (readonly [inputBytes: number, value: number])[];
}

const POINTS_PER_DECADE = 6;
const DECADES: readonly [from: number, to: number] = [6, 13];
/** Figures of a line: enough for a picture. */
const DIGITS = 3;

const INPUTS = Array.from(
  { length: (DECADES[1] - DECADES[0]) * POINTS_PER_DECADE + 1 },
  (_, index) => 10 ** (DECADES[0] + index / POINTS_PER_DECADE),
);
const INPUT_TICKS: readonly Tick[] = [
  [1e6, '1 MB'],
  [1e7, '10 MB'],
  [1e8, '100 MB'],
  [1e9, '1 GB'],
  [1e10, '10 GB'],
  [1e11, '100 GB'],
  [1e12, '1 TB'],
  [1e13, '10 TB'],
];

const FIGURES: readonly {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly yTicks: readonly Tick[];
  readonly of: (modelled: ReturnType<typeof model>) => number;
}[] = [
  {
    name: 'cost-seconds',
    title: 'Time of a job by the size of its input',
    unit: 'time',
    yTicks: [
      [3, '3 s'],
      [10, '10 s'],
      [30, '30 s'],
      [60, '1 min'],
      [300, '5 min'],
      [1_800, '30 min'],
      [7_200, '2 h'],
    ],
    of: ({ evaluation }) => evaluation.seconds,
  },
  {
    name: 'cost-dollars',
    title: 'Cost of a job by the size of its input',
    unit: 'dollars',
    yTicks: [0.001, 0.01, 0.1, 1, 10, 100].map((value) => [value, `$${value}`] as const),
    of: ({ cost }) => cost.total,
  },
  {
    name: 'cost-requests',
    title: 'Requests of a job to S3 by the size of its input',
    unit: 'requests to S3',
    yTicks: [
      [10, '10'],
      [100, '100'],
      [1e3, '1,000'],
      [1e4, '10,000'],
      [1e5, '100,000'],
      [1e6, '1 million'],
      [1e7, '10 million'],
    ],
    of: ({ evaluation: { reads, readsByTime, writes, writesByTime } }) =>
      reads + readsByTime + writes + writesByTime,
  },
];

export function charts(): Chart[] {
  return FIGURES.map(({ name, title, unit, yTicks, of }) => {
    const lines = [BEFORE, NOW].flatMap((settings) =>
      [WORD_COUNT, SORT].map(
        (workload): Line => ({
          job: workload.name,
          build: settings.name,
          points: INPUTS.map((inputBytes) => ({
            inputBytes,
            modelled: model({ workload, settings, inputBytes }),
          }))
            .filter(({ modelled }) => isAllowed(modelled.evaluation))
            .map(({ inputBytes, modelled }) => [rounded(inputBytes), rounded(of(modelled))]),
        }),
      ),
    );
    const description = JSON.stringify(lines);
    const last = yTicks.findIndex(([value]) => value >= Math.max(...valuesOf(lines)));
    return {
      name,
      title,
      unit,
      description,
      xTicks: INPUT_TICKS,
      yTicks: last < 0 ? yTicks : yTicks.slice(0, last + 1),
      lines,
    };
  });
}

function valuesOf(lines: readonly Line[]): number[] {
  return lines.flatMap(({ points }) => points.map(([, value]) => value));
}

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
