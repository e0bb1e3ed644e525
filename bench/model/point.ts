/** Evaluates the model for a workload of one size, with the likely constants unless others are given. */
import { type Constants, constantsAt } from '../../src/aws/model/constants.ts';
import { type Cost, costOf } from '../../src/aws/model/cost.ts';
import { usageOf } from '../../src/aws/model/estimate.ts';
import { type Evaluation, evaluate } from '../../src/aws/model/evaluate.ts';
import { type DeploymentShape, type InputNameCounts, shapeOf } from '../../src/aws/model/job-shape.ts';
import { pricesOf } from '../../src/aws/model/prices.ts';
import type { StartedBy } from '../../src/report/estimate.ts';
import { DEPLOYMENT, type Settings } from './settings.ts';
import type { Workload } from './workloads.ts';

export interface Modelled {
  readonly evaluation: Evaluation;
  readonly cost: Cost;
}

export interface ModelOptions {
  readonly workload: Workload;
  readonly settings: Settings;
  readonly inputBytes: number;
  readonly constants?: Constants;
  readonly deployment?: DeploymentShape;
  readonly startedBy?: StartedBy;
  /** Default: one prefix. */
  readonly inputNames?: InputNameCounts;
}

export function model(options: ModelOptions): Modelled {
  const {
    workload,
    settings,
    inputBytes,
    deployment = DEPLOYMENT,
    startedBy = 'command',
    inputNames,
  } = options;
  const { constants = constantsAt('likely') } = options;
  const { taskMemoryMb } = deployment;
  const job = shapeOf(settings.plan(inputBytes), {
    taskMemoryMb,
    startedBy,
    ...(inputNames === undefined ? {} : { inputNames }),
  });
  const evaluation = evaluate({
    job,
    traits: workload.traits,
    deployment,
    constants,
    ways: settings.ways,
  });
  return { evaluation, cost: costOf(usageOf(evaluation), pricesOf(deployment.region)) };
}
