/** Estimates a planned job: what it needs in the good case, what is likely, and the bad case. */
import type { DollarsEstimate, JobEstimate, Spread } from '../../report/estimate.ts';
import { chargedRequests } from '../../storage/s3/s3-charges.ts';
import { constantsAt, LEVELS, type Level } from './constants.ts';
import { type Cost, costOf } from './cost.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import type { DeploymentShape, JobShape } from './job-shape.ts';
import { firstLimit } from './limits.ts';
import type { KnownShuffle, PointTraits } from './point.ts';
import { pricesOf } from './prices.ts';
import type { JobTraits } from './traits.ts';

export interface EstimateOptions {
  readonly job: JobShape;
  readonly traits: JobTraits;
  readonly deployment: DeploymentShape;
  /** Once the map stage has ended. */
  readonly known?: KnownShuffle;
}

export function estimateJob({ job, traits, deployment, known }: EstimateOptions): JobEstimate {
  const evaluations = atEachLevel((level) =>
    evaluate({ job, traits: pointOf(traits, level), deployment, constants: constantsAt(level), known }),
  );
  const spreadOf = (figure: (evaluation: Evaluation) => number) => spread(evaluations, figure);
  const stage = (index: number, figure: (stage: Evaluation['stages'][number]) => number) =>
    spreadOf(({ stages }) => figure(stages[index]!));
  return {
    stages: evaluations.likely.stages.map(({ stage: name, tasks }, index) => ({
      stage: name,
      tasks,
      seconds: stage(index, ({ seconds }) => seconds),
      taskSeconds: stage(index, ({ taskSeconds }) => taskSeconds),
      gbSeconds: stage(index, ({ gbSeconds }) => gbSeconds),
    })),
    seconds: spreadOf(({ seconds }) => seconds),
    gbSeconds: spreadOf(({ gbSeconds }) => gbSeconds),
    transitions: spreadOf(({ transitions }) => transitions),
    requests: { writes: spreadOf(({ writes }) => writes), reads: spreadOf(({ reads }) => reads) },
    requestsByTime: {
      writes: spreadOf(({ writesByTime }) => writesByTime),
      reads: spreadOf(({ readsByTime }) => readsByTime),
    },
    peakReadsPerSecond: spreadOf(({ stages }) =>
      Math.max(...stages.map(({ peakReadsPerSecond }) => peakReadsPerSecond)),
    ),
    dollars: dollarsOf(evaluations, deployment.region),
    firstLimit: firstLimit({ job, deployment, evaluation: evaluations.likely }),
    region: deployment.region,
    assumptions: known === undefined ? traits.assumptions : [],
  };
}

/** Requests of the functions that plan, verify and commit, and of Step Functions: those of tasks are counted as they run. */
export function stepRequests({ job, traits, deployment }: EstimateOptions): {
  writes: number;
  reads: number;
} {
  const { rows } = evaluate({
    job,
    traits: pointOf(traits, 'likely'),
    deployment,
    constants: constantsAt('likely'),
  });
  return chargedRequests(rows.filter(({ step }) => step !== 'map' && step !== 'reduce'));
}

type Evaluations = Readonly<Record<Level, Evaluation>>;

function dollarsOf(evaluations: Evaluations, region: string): DollarsEstimate {
  const prices = pricesOf(region);
  const costs = atEachLevel((level) => costOf(usageOf(evaluations[level]), prices));
  const part = (figure: (cost: Cost) => number) => spread(costs, figure);
  return {
    functions: part(({ functions }) => functions),
    coordination: part(({ coordination }) => coordination),
    storage: part(({ storageRequests }) => storageRequests),
    total: part(({ total }) => total),
  };
}

export function usageOf(evaluation: Evaluation): Parameters<typeof costOf>[0] {
  const { reads, writes, readsByTime, writesByTime } = evaluation;
  return {
    ...evaluation,
    isUpperBound: false,
    s3Reads: reads + readsByTime,
    s3Writes: writes + writesByTime,
  };
}

/** One guess out of the ranges. */
export function pointOf(traits: JobTraits, level: Level): PointTraits {
  const { mapBytesPerSecond, reduceBytesPerSecond, shuffleRatio, outputRatio, inflation, skew } = traits;
  return {
    mapBytesPerSecond: mapBytesPerSecond[level],
    reduceBytesPerSecond: reduceBytesPerSecond[level],
    shuffleRatio: shuffleRatio[level],
    shuffleBytesOfSplitMax: traits.shuffleBytesOfSplitMax,
    outputRatio: outputRatio[level],
    inflation: inflation[level],
    skew: skew[level],
  };
}

function atEachLevel<T>(make: (level: Level) => T): Record<Level, T> {
  // The cast: Object.fromEntries() forgets the names.
  return Object.fromEntries(LEVELS.map((level) => [level, make(level)])) as Record<Level, T>;
}

/** Rounded, so that documents stay short and equal on every machine. */
function spread<T>(of: Readonly<Record<Level, T>>, figure: (one: T) => number): Spread {
  return {
    low: rounded(figure(of.low)),
    likely: rounded(figure(of.likely)),
    high: rounded(figure(of.high)),
  };
}

function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(6));
}
