/** The progress of a job: its execution, its plan, and the objects that its tasks have committed. */
import { MapReduceError } from '../../base/errors.ts';
import { isJobId, JOB_ID_RULE, type JobId, type Stage, stageOf, taskIdOf } from '../../base/ids.ts';
import { committedTasks } from '../../commit/committed-tasks.ts';
import { stagesOf, taskCounts } from '../../plan/stages.ts';
import { SUCCESS_NAME } from '../../report/result-names.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { findDocument, type PlanDocument } from '../protocol/documents.ts';
import {
  attemptFailuresPrefix,
  attemptOfFailureKey,
  cancelKey,
  defaultOutputPrefix,
  jobLayout,
  planKey,
} from '../protocol/keys.ts';
import type { Deployment } from './deployment.ts';
import { type JobExecution, latestExecution } from './executions.ts';
import { noSuchJob } from './missing-job.ts';

/**
 *     planning -> map -> reduce -> committing -> succeeded
 *         |________|________|___________|----> failed, cancelled
 */
export type JobPhase = 'planning' | Stage | 'committing' | 'succeeded' | 'failed' | 'cancelled';

export interface JobStatus {
  readonly jobId: JobId;
  readonly phase: JobPhase;
  /** Undefined once Step Functions has dropped it, after 90 days. */
  readonly execution: JobExecution | undefined;
  /** Undefined until the job is planned. */
  readonly plan: PlanDocument | undefined;
  readonly committed: CommittedTasks;
}

/** What is known of a job before its first status. */
export type JobStart = Pick<JobStatus, 'jobId' | 'execution' | 'plan'>;

export interface StageCommits {
  /** How many tasks of the stage have committed. */
  readonly tasks: number;
  /** Their indexes; empty where nothing was listed, since the job has succeeded. */
  readonly indexes: readonly number[];
  /** Size of the objects that they committed, in bytes. */
  readonly bytes: number;
  readonly failedAttempts: number;
}

export interface CommittedTasks {
  readonly stages: Readonly<Record<Stage, StageCommits>>;
  readonly failedAttempts: number;
  /** Keys of the notes about failed attempts, in the order of their tasks. */
  readonly failureKeys: readonly string[];
}

const NO_COMMITS: StageCommits = { tasks: 0, indexes: [], bytes: 0, failedAttempts: 0 };

const NO_TASKS: CommittedTasks = {
  stages: byStage(() => NO_COMMITS),
  failedAttempts: 0,
  failureKeys: [],
};

/** @throws UsageError when there is no such job */
export async function jobStatus(deployment: Deployment, job: JobId): Promise<JobStatus> {
  const { store } = deployment;
  const execution = await latestExecution(deployment, job);
  const plan = await findDocument<PlanDocument>(store, planKey(job));
  if (execution === undefined && plan === undefined) throw await noSuchJob(deployment, job);
  return await statusOf(deployment, { job, execution, plan });
}

/** @param execution  must be up to date */
export async function statusOf(
  { store }: Deployment,
  {
    job,
    execution,
    plan,
  }: { job: JobId; execution: JobExecution | undefined; plan: PlanDocument | undefined },
): Promise<JobStatus> {
  const state = { jobId: job, execution, plan };
  if (execution === undefined || execution.status !== 'RUNNING') {
    const phase = await endedPhase(store, state);
    if (phase === 'succeeded' && plan !== undefined) {
      const counts = taskCounts(plan.plan);
      const stages = byStage((stage) => ({ ...NO_COMMITS, tasks: counts[stage] }));
      return { ...state, phase, committed: { ...NO_TASKS, stages } };
    }
    return { ...state, phase, committed: plan === undefined ? NO_TASKS : await committedSoFar(store, plan) };
  }
  if (plan === undefined) return { ...state, phase: 'planning', committed: NO_TASKS };
  const committed = await committedSoFar(store, plan);
  const counts = taskCounts(plan.plan);
  const running = stagesOf(plan.plan.settings).find((stage) => committed.stages[stage].tasks < counts[stage]);
  return { ...state, phase: running ?? 'committing', committed };
}

async function endedPhase(
  store: ObjectStore,
  { jobId: job, execution, plan }: JobStart,
): Promise<'succeeded' | 'failed' | 'cancelled'> {
  if (execution === undefined) {
    const outputPrefix = plan?.outputPrefix ?? defaultOutputPrefix(job);
    return (await store.head(`${outputPrefix}${SUCCESS_NAME}`)) === undefined ? 'failed' : 'succeeded';
  }
  switch (execution.status) {
    case 'SUCCEEDED':
      return 'succeeded';
    case 'ABORTED':
      return 'cancelled';
    default:
      return (await store.head(cancelKey(job))) === undefined ? 'failed' : 'cancelled';
  }
}

/** Lists the objects of each stage up to the one that is running, 1,000 tasks per request. */
async function committedSoFar(
  store: ObjectStore,
  { plan, outputPrefix }: PlanDocument,
): Promise<CommittedTasks> {
  const { settings } = plan;
  const layout = jobLayout(settings.jobId, outputPrefix);
  const counts = taskCounts(plan);
  const failureKeys: string[] = [];
  for await (const { key } of store.list(attemptFailuresPrefix(settings.jobId))) failureKeys.push(key);
  const failedStages = failureKeys.map((key) => stageOfFailure(key));
  const stages = byStage((stage) => ({
    ...NO_COMMITS,
    failedAttempts: failedStages.filter((failed) => failed === stage).length,
  }));
  for (const stage of stagesOf(settings)) {
    const objects = await committedTasks(store, { stage, layout, settings });
    const bytes = [...objects.values()].reduce((total, { sizeBytes }) => total + sizeBytes, 0);
    stages[stage] = { ...stages[stage], tasks: objects.size, indexes: [...objects.keys()], bytes };
    if (objects.size < counts[stage]) break;
  }
  return { stages, failedAttempts: failureKeys.length, failureKeys };
}

function stageOfFailure(key: string): Stage | undefined {
  const attempt = attemptOfFailureKey(key);
  return attempt === undefined ? undefined : stageOf(taskIdOf(attempt));
}

function byStage<T>(make: (stage: Stage) => T): Record<Stage, T> {
  return { map: make('map'), reduce: make('reduce') };
}

/** @throws UsageError for text that cannot be the id of a job */
export function checkedJobId(text: string): JobId {
  if (isJobId(text)) return text;
  throw new MapReduceError('UsageError', `a job id ${JOB_ID_RULE}; received '${text}'`);
}
