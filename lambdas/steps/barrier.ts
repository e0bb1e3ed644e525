/**
 * The barrier after a stage. It verifies what the tasks have committed, reports the outcome, and lets advance.ts decide.
 * All stages share this step, but each stage has its own function with only the permissions that its barrier needs.
 */
import type * as v from 'valibot';
import { finalFailure, readFailures } from '../../src/aws/protocol/attempt-failures.ts';
import { assertOwnCode } from '../../src/aws/protocol/code-hash.ts';
import {
  type AttemptFailureDocument,
  readDocument,
  type StageDocument,
  writeDocument,
} from '../../src/aws/protocol/documents.ts';
import {
  fromTravel,
  type JobState,
  type stepEventSchema,
  toTravel,
} from '../../src/aws/protocol/job-state.ts';
import { stageKey } from '../../src/aws/protocol/keys.ts';
import { deserializeError, MapReduceError } from '../../src/base/errors.ts';
import { type JobId, STAGES, type Stage, taskId } from '../../src/base/ids.ts';
import { discardForRepair } from '../../src/commit/repair.ts';
import { type Fact, isOfEarlierStage } from '../../src/stages/advance.ts';
import { closeStage } from '../../src/stages/close-stage.ts';
import { assertSpending } from './budget.ts';
import { isCommitted } from './committed-result.ts';
import { withinRequest } from './concurrency.ts';
import { decide, stateOf } from './decide.ts';
import type { StepEnvironment } from './environment.ts';
import { ONE_PREFIX, refinedEstimate } from './estimate.ts';
import { foreignPartRemover } from './output.ts';
import { type PlannedJob, plannedJob } from './planned-job.ts';

export async function barrierStep(
  stage: Stage,
  event: v.InferOutput<typeof stepEventSchema>,
  environment: StepEnvironment,
): Promise<JobState> {
  const { jobId: id, codeHash } = event;
  assertOwnCode(id, { expected: codeHash, own: environment.codeHash });
  const planned = plannedJob(id, environment);
  try {
    return await barrierOf(stage, planned, event, environment);
  } catch (error) {
    // One call of commit may have found damage, so that this step runs, while another one that still ran published the
    // result and removed what this step reads.
    const { outputPrefix } = await planned;
    if (!(await isCommitted(id, outputPrefix, environment.store))) throw error;
    const progress = toTravel(fromTravel(event.progress));
    return stateOf(id, { next: 'commit' }, { progress, codeHash });
  }
}

async function barrierOf(
  stage: Stage,
  plannedSoon: Promise<PlannedJob>,
  event: v.InferOutput<typeof stepEventSchema>,
  environment: StepEnvironment,
): Promise<JobState> {
  const { store, now } = environment;
  const id = event.jobId;
  const before = STAGES[STAGES.indexOf(stage) - 1];
  const [planned, closedBefore] = await Promise.all([
    plannedSoon,
    before === undefined ? undefined : readDocument<StageDocument>(store, stageKey(id, before)),
  ]);
  const { plan, job, layout, outputPrefix, maxDollars } = planned;
  const { startedBy = 'command', inputNames = ONE_PREFIX } = planned;
  const ownEnvironment = withinRequest(environment, planned);
  const { extension } = job.output;
  const closed = await closeStage(stage, {
    plan,
    partitionRecords: closedBefore?.partitionRecords ?? [],
    store,
    layout,
    extension,
    removeForeign: foreignPartRemover(store, { jobId: id, outputPrefix }),
  });
  const { missing, summaries, partitionRecords } = closed;
  let failures: readonly AttemptFailureDocument[] = [];
  if (missing.length === 0) {
    const estimate = refinedEstimate({ plan, job, startedBy, inputNames }, closed, ownEnvironment);
    const document: StageDocument = {
      summaries,
      partitionRecords,
      ...(estimate === undefined ? {} : { estimate }),
      closedAt: now().toISOString(),
    };
    await writeDocument(store, stageKey(id, stage), document);
    if (estimate !== undefined) {
      const { taskFunction } = environment;
      assertSpending({ jobId: id, maxDollars, summaries, taskFunction, estimate });
    }
  } else {
    const tasks = new Set(missing.map((index) => taskId(stage, index)));
    failures = await readFailures(store, id, { since: event.execution.startTime, tasks });
  }
  const fact: Fact =
    missing.length === 0
      ? { kind: 'closed', stage }
      : incompleteStage({ jobId: id, stage, missing, failures, since: closedBefore?.closedAt ?? '' });
  return await decide(fact, {
    plan,
    progress: fromTravel(event.progress),
    environment: ownEnvironment,
    discard: (targets) => discardForRepair(targets, { store, layout, settings: plan.settings, extension }),
    lastFailure: (task) => failures.findLast(({ taskId: of }) => of === task),
  });
}

/** @param since  when the previous stage was closed. Damage found before that has been repaired. */
function incompleteStage({
  jobId: id,
  stage,
  missing,
  failures,
  since,
}: {
  jobId: JobId;
  stage: Stage;
  missing: readonly number[];
  failures: readonly AttemptFailureDocument[];
  since: string;
}): Fact {
  for (const index of missing) {
    const failure = finalFailure(failures, taskId(stage, index));
    if (failure !== undefined) return { kind: 'failed', error: taskFailed(id, failure) };
  }
  const damaged = failures
    .filter(({ at, error }) => at >= since && error.name === 'CorruptShuffleError')
    .map(({ error }) => error.details?.toRepair)
    .filter((target) => target !== undefined)
    .filter((target) => isOfEarlierStage(target, stage));
  return { kind: 'incomplete', stage, missing, damaged: [...new Set(damaged)] };
}

function taskFailed(job: JobId, { taskId: task, attemptId, error }: AttemptFailureDocument): MapReduceError {
  return new MapReduceError(
    'TaskFailedError',
    `task ${task} failed permanently: ${error.name}: ${error.message}`,
    {
      details: { ...error.details, jobId: job, taskId: task, attemptId },
      cause: deserializeError(error),
    },
  );
}
