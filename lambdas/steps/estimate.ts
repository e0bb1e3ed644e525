/** The estimate of a job, before its tasks run and once the shuffle is known. */
import type { Job } from '../../src/api/job.ts';
import { estimateJob, stepRequests } from '../../src/aws/model/estimate.ts';
import {
  type DeploymentShape,
  deploymentShape,
  type InputNameCounts,
  shapeOf,
} from '../../src/aws/model/job-shape.ts';
import { knownShuffle } from '../../src/aws/model/known-shuffle.ts';
import { assumedTraits } from '../../src/aws/model/traits.ts';
import { MiB } from '../../src/base/limits.ts';
import { sumOf } from '../../src/base/sum.ts';
import type { JobPlan } from '../../src/plan/task.ts';
import type { AttemptRow } from '../../src/report/attempt-rows.ts';
import type { EstimateReport, JobEstimate, StartedBy } from '../../src/report/estimate.ts';
import type { BarrierResult } from '../../src/stages/barrier-result.ts';
import type { StepEnvironment } from './environment.ts';
import type { PlannedJob } from './planned-job.ts';

/** For plans of versions that did not record how the input was named. */
export const ONE_PREFIX: InputNameCounts = { prefixes: 1, keys: 0 };

type Deployed = Pick<
  StepEnvironment,
  'taskFunction' | 'maxConcurrency' | 'maxTasksPerStage' | 'backupAttempts' | 'deployment'
>;

export interface EstimatedPlan {
  readonly plan: JobPlan;
  readonly job: Job;
  readonly startedBy: StartedBy;
  readonly inputNames: InputNameCounts;
}

export function plannedEstimate(planned: EstimatedPlan, environment: Deployed): JobEstimate {
  return estimateJob(estimated(planned, environment));
}

/** @returns undefined if the stage wrote no shuffle */
export function refinedEstimate(
  planned: EstimatedPlan,
  { shuffle, summaries }: BarrierResult,
  environment: Deployed,
): JobEstimate | undefined {
  if (shuffle === undefined) return undefined;
  const shapes = estimated(planned, environment);
  return estimateJob({
    ...shapes,
    known: knownShuffle(shuffle, {
      objectsBytes: summaries.map(({ bytesWritten }) => bytesWritten),
      reducers: planned.plan.settings.reducers,
      deployment: shapes.deployment,
    }),
  });
}

/** @returns undefined for a plan of a version that did not estimate */
export function estimateReport(
  { plan, job, startedBy = 'command', inputNames = ONE_PREFIX, estimate: planned }: PlannedJob,
  {
    afterMap,
    attempts,
    seconds,
    environment,
  }: {
    afterMap: JobEstimate | undefined;
    attempts: readonly AttemptRow[];
    seconds: number;
    environment: Deployed;
  },
): EstimateReport | undefined {
  if (planned === undefined) return undefined;
  const shapes = estimated({ plan, job, startedBy, inputNames }, environment);
  const { taskMemoryMb } = shapes.deployment;
  const steps = stepRequests(shapes);
  const ms = sumOf(attempts, ({ elapsedMs = 0, coldStartMs = 0 }) => elapsedMs + coldStartMs);
  return {
    planned,
    ...(afterMap === undefined ? {} : { afterMap }),
    actual: {
      seconds,
      gbSeconds: ((ms / 1000) * taskMemoryMb) / 1_024,
      writes: steps.writes + sumOf(attempts, ({ writeRequests = 0 }) => writeRequests),
      reads: steps.reads + sumOf(attempts, ({ readRequests = 0 }) => readRequests),
    },
  };
}

/** What the model needs to know about the job and where it runs. */
function estimated({ plan, job, startedBy, inputNames }: EstimatedPlan, environment: Deployed) {
  const deployment = shapeOfDeployment(environment);
  const { taskMemoryMb } = deployment;
  return {
    job: shapeOf(plan, { taskMemoryMb, startedBy, inputNames }),
    traits: traitsOf(job),
    deployment,
  };
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
