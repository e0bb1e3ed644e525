/** The estimate of a job, before its tasks run and once the shuffle is known. */
import type { Job } from '../../src/api/job.ts';
import { estimateJob } from '../../src/aws/model/estimate.ts';
import { type DeploymentShape, deploymentShape, shapeOf } from '../../src/aws/model/job-shape.ts';
import { knownShuffle } from '../../src/aws/model/known-shuffle.ts';
import { assumedTraits } from '../../src/aws/model/traits.ts';
import { MiB } from '../../src/base/limits.ts';
import type { JobPlan } from '../../src/plan/task.ts';
import type { JobEstimate, StartedBy } from '../../src/report/estimate.ts';
import type { BarrierResult } from '../../src/stages/barrier-result.ts';
import type { StepEnvironment } from './environment.ts';

type Deployed = Pick<
  StepEnvironment,
  'taskFunction' | 'maxConcurrency' | 'maxTasksPerStage' | 'backupAttempts' | 'deployment'
>;

export interface EstimatedPlan {
  readonly plan: JobPlan;
  readonly job: Job;
  readonly startedBy: StartedBy;
}

export function plannedEstimate({ plan, job, startedBy }: EstimatedPlan, environment: Deployed): JobEstimate {
  const deployment = shapeOfDeployment(environment);
  const { taskMemoryMb } = deployment;
  return estimateJob({ job: shapeOf(plan, { taskMemoryMb, startedBy }), traits: traitsOf(job), deployment });
}

/** @returns undefined if the stage wrote no shuffle */
export function refinedEstimate(
  { plan, job, startedBy }: EstimatedPlan,
  { shuffle, summaries }: BarrierResult,
  environment: Deployed,
): JobEstimate | undefined {
  if (shuffle === undefined) return undefined;
  const deployment = shapeOfDeployment(environment);
  const { taskMemoryMb } = deployment;
  return estimateJob({
    job: shapeOf(plan, { taskMemoryMb, startedBy }),
    traits: traitsOf(job),
    deployment,
    known: knownShuffle(shuffle, {
      objectsBytes: summaries.map(({ bytesWritten }) => bytesWritten),
      reducers: plan.settings.reducers,
      deployment,
    }),
  });
}

function traitsOf({ shuffle }: Job) {
  return assumedTraits({ isMapOnly: shuffle === undefined, hasCombiner: shuffle?.combine !== undefined });
}

function shapeOfDeployment(environment: Deployed): DeploymentShape {
  const { taskFunction, maxConcurrency, maxTasksPerStage, backupAttempts, deployment = {} } = environment;
  return deploymentShape({
    ...deployment,
    taskMemoryMb: taskFunction.memoryMb,
    scratchBytes: taskFunction.scratchMb * MiB,
    maxConcurrency,
    maxTasksPerStage,
    backupAttempts,
  });
}
