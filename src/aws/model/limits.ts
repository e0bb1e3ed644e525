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

/**
 * The limit of which the job uses the largest part. A limit that stops the job if it is exceeded comes before those that
 * slow it down, however far the job exceeds them.
 */
export function firstLimit(limited: LimitedJob): LimitUse {
  const stopping = limitsThatStop(limited);
  const exceeded = stopping.filter((use) => partOf(use) > 1);
  const candidates = exceeded.length > 0 ? exceeded : [...stopping, ...limitsThatSlow(limited)];
  return candidates.reduce((first, use) => (partOf(use) > partOf(first) ? use : first));
}

/** Above 1, the job exceeds the limit. */
export function partOf({ needed, allowed }: LimitUse): number {
  return needed / allowed;
}

function mostOf({ evaluation }: LimitedJob, figure: (stage: EvaluatedStage) => number): number {
  return Math.max(...evaluation.stages.map(figure));
}

/** The plan step refuses a job that exceeds one of these, or the job fails. */
function limitsThatStop(limited: LimitedJob): LimitUse[] {
  const { job, deployment, evaluation } = limited;
  return [
    {
      limit: 'tasks of one stage (maxTasksPerStage)',
      needed: mostOf(limited, (stage) => stage.tasks),
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
      needed: EVENTS_OF_JOB + EVENTS_OF_INLINE_TASK * inlineTasks(evaluation),
      allowed: STEP_FUNCTIONS_FACTS.historyEventsMax.value,
      unit: 'events',
      beyond: 'Step Functions ends the execution; redrive resumes the job',
    },
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

/** Without failures: docs/limits.md. */
const EVENTS_OF_JOB = 58;
/** An iteration starts, enters its state, calls the function, leaves its state and ends. */
const EVENTS_OF_INLINE_TASK = 7;

/** A job that exceeds one of these takes longer. */
function limitsThatSlow(limited: LimitedJob): LimitUse[] {
  const { deployment, evaluation } = limited;
  const { getsPerSecond, putsPerSecond } = S3_FACTS;
  const ofS3 = { unit: 'requests/s', beyond: 'tasks wait for S3, and Lambda charges for the wait' };
  return [
    {
      limit: 'concurrent functions of the account',
      needed: Math.min(
        mostOf(limited, (stage) => stage.tasks),
        deployment.maxConcurrency,
      ),
      allowed: deployment.accountConcurrency,
      unit: 'functions',
      beyond: 'tasks wait until others have ended',
    },
    {
      limit: 'open Map Runs of the account',
      needed: inlineTasks(evaluation) === sumOf(evaluation.stages, (stage) => stage.tasks) ? 0 : 1,
      allowed: STEP_FUNCTIONS_FACTS.openMapRunsMax.value,
      unit: 'Map Runs',
      beyond: 'stages wait until others have ended',
    },
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
      allowed: transitionsPerSecond(deployment.region),
      unit: 'transitions/s',
      beyond: 'tasks start more slowly',
    },
  ];
}

function inlineTasks({ stages }: Evaluation): number {
  return sumOf(stages, (stage) => (stage.isInline ? stage.tasks : 0));
}
