/** What the two barriers have in common: the plan they count against, and what becomes of tasks that are missing. */
import type { Job } from '../../src/api/job.ts';
import { finalFailure, readFailures } from '../../src/aws/protocol/attempt-failures.ts';
import {
  type AttemptFailureDocument,
  type PlanDocument,
  readDocument,
} from '../../src/aws/protocol/documents.ts';
import { jobLayout, planKey } from '../../src/aws/protocol/keys.ts';
import { deserializeError, MapReduceError } from '../../src/base/errors.ts';
import { type JobId, type Stage, taskId } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import type { JobLayout, JobPlan } from '../../src/plan/task.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { StepEnvironment } from './environment.ts';

export interface PlannedJob extends PlanDocument {
  readonly job: Job;
  readonly layout: JobLayout;
  readonly plan: JobPlan;
}

export async function plannedJob(id: JobId, { jobs, store }: StepEnvironment): Promise<PlannedJob> {
  const document = await readDocument<PlanDocument>(store, planKey(id));
  return { ...document, job: await jobs.find(document.app), layout: jobLayout(id, document.outputPrefix) };
}

/**
 * Whether missing tasks may go round again. The coordinator may have lost them, and then another round helps; a task
 * whose attempts are used up would only fail again.
 *
 * @param since  start of the execution: what failed before a redrive does not count
 * @returns the notes that failed attempts of this execution have left
 * @throws TaskFailedError
 */
export async function checkMissing(
  store: ObjectStore,
  {
    job,
    stage,
    missing,
    round,
    since,
  }: { job: JobId; stage: Stage; missing: readonly number[]; round: number; since: string },
): Promise<AttemptFailureDocument[]> {
  const failures = await readFailures(store, job, { since });
  for (const index of missing) {
    const failure = finalFailure(failures, taskId(stage, index));
    if (failure !== undefined) throw taskFailed(job, failure);
  }
  if (round >= LIMITS.shuffleRepairsMax) {
    const first = taskId(stage, missing[0]);
    const last = failures.findLast((failure) => failure.taskId === first);
    throw new MapReduceError(
      'TaskFailedError',
      `${missing.length} ${stage} tasks, the first of them ${first}, have not committed after ${round + 1} rounds${last === undefined ? '. They recorded no error: check the log of the function' : `: ${last.error.message}`}`,
      {
        details: {
          jobId: job,
          taskId: first,
          ...(last === undefined ? {} : { attemptId: last.attemptId }),
        },
        ...(last === undefined ? {} : { cause: deserializeError(last.error) }),
      },
    );
  }
  return failures;
}

function taskFailed(job: JobId, { taskId: task, attemptId, error }: AttemptFailureDocument): MapReduceError {
  return new MapReduceError(
    'TaskFailedError',
    `task ${task} failed for good: ${error.name}: ${error.message}`,
    {
      details: { ...error.details, jobId: job, taskId: task, attemptId },
      cause: deserializeError(error),
    },
  );
}
