/** The limits that a job may reach, and how close it comes to each. */

import { LIMITS, MiB } from '../../base/limits.ts';
import { sumOf } from '../../base/sum.ts';
import type { LimitUse } from '../../report/estimate.ts';
import { shuffleIndexBytes } from '../../shuffle/shuffle-index.ts';
import type { Evaluation } from './evaluate.ts';
import { S3_FACTS, STEP_FUNCTIONS_FACTS, transitionsPerSecond } from './facts.ts';
import type { DeploymentShape, JobShape } from './job-shape.ts';
import type { EvaluatedStage } from './stage-work.ts';

interface LimitedJob {
  readonly job: JobShape;
  readonly deployment: DeploymentShape;
  readonly evaluation: Evaluation;
}

/** The limit of which the job uses the largest part. */
export function firstLimit(limited: LimitedJob): LimitUse {
  return limitsOf(limited).reduce((first, use) => (partOf(use) > partOf(first) ? use : first));
}

/** Above 1, the job exceeds the limit. */
export function partOf({ needed, allowed }: LimitUse): number {
  return needed / allowed;
}

export function limitsOf(limited: LimitedJob): LimitUse[] {
  return [...countLimits(limited), ...taskLimits(limited), ...rateLimits(limited)];
}

function mostOf({ evaluation }: LimitedJob, figure: (stage: EvaluatedStage) => number): number {
  return Math.max(...evaluation.stages.map(figure));
}

function countLimits(limited: LimitedJob): LimitUse[] {
  const { job, deployment, evaluation } = limited;
  const tasks = mostOf(limited, (stage) => stage.tasks);
  const inline = sumOf(evaluation.stages, (stage) => (stage.isInline ? stage.tasks : 0));
  return [
    {
      limit: 'concurrent functions of the account',
      needed: Math.min(tasks, deployment.maxConcurrency),
      allowed: deployment.accountConcurrency,
      unit: 'functions',
      beyond: 'tasks wait until others have ended',
    },
    {
      limit: 'tasks of one stage (maxTasksPerStage)',
      needed: tasks,
      allowed: deployment.maxTasksPerStage,
      unit: 'tasks',
      beyond: 'the plan step refuses the job',
    },
    {
      limit: 'shuffle index',
      needed: Math.round(shuffleIndexBytes({ maps: job.maps, partitions: job.reducers }) / MiB),
      allowed: LIMITS.shuffleIndexBytesMax / MiB,
      unit: 'MiB',
      beyond: 'the plan step refuses the job: use larger splits or fewer reducers',
    },
    {
      limit: 'events in the history of one execution',
      needed: EVENTS_OF_JOB + EVENTS_OF_INLINE_TASK * inline,
      allowed: STEP_FUNCTIONS_FACTS.historyEventsMax.value,
      unit: 'events',
      beyond: 'Step Functions ends the execution; redrive resumes the job',
    },
    {
      limit: 'open Map Runs of the account',
      needed: inline === sumOf(evaluation.stages, (stage) => stage.tasks) ? 0 : 1,
      allowed: STEP_FUNCTIONS_FACTS.openMapRunsMax.value,
      unit: 'Map Runs',
      beyond: 'stages wait until others have ended',
    },
  ];
}

/** Without failures: docs/limits.md. */
const EVENTS_OF_JOB = 58;
/** An iteration starts, enters its state, calls the function, leaves its state and ends. */
const EVENTS_OF_INLINE_TASK = 7;

function taskLimits(limited: LimitedJob): LimitUse[] {
  const { deployment } = limited;
  return [
    {
      limit: 'time limit of a function',
      needed: Math.ceil(mostOf(limited, (stage) => stage.taskSeconds)),
      allowed: deployment.taskTimeoutSeconds,
      unit: 's',
      beyond: 'attempts end early and are repeated, then the job fails: use smaller splits or more reducers',
    },
    {
      limit: '/tmp of a function (scratchSize)',
      needed: Math.round(mostOf(limited, (stage) => stage.scratchBytes) / MiB),
      allowed: Math.round(deployment.scratchBytes / MiB),
      unit: 'MiB',
      beyond:
        'the task fails with a DiskFullError: use smaller splits, more reducers or a larger scratchSize',
    },
  ];
}

function rateLimits(limited: LimitedJob): LimitUse[] {
  const { getsPerSecond, putsPerSecond } = S3_FACTS;
  const ofS3 = { unit: 'requests/s', beyond: 'tasks wait for S3, and Lambda charges for the wait' };
  return [
    {
      limit: "S3's rate of reads for a new bucket",
      needed: Math.round(mostOf(limited, (stage) => stage.peakReadsPerSecond)),
      allowed: getsPerSecond.value,
      ...ofS3,
    },
    {
      limit: "S3's rate of writes for a new bucket",
      needed: Math.round(mostOf(limited, (stage) => stage.peakWritesPerSecond)),
      allowed: putsPerSecond.value,
      ...ofS3,
    },
    {
      limit: "Step Functions' rate of transitions",
      needed: Math.round(mostOf(limited, (stage) => stage.transitionsPerSecond)),
      allowed: transitionsPerSecond(limited.deployment.region),
      unit: 'transitions/s',
      beyond: 'tasks start more slowly',
    },
  ];
}
