/** Where a job is: its execution, its plan, and the objects that its tasks have committed. */
import { MapReduceError } from '../../base/errors.ts';
import { type JobId, jobId } from '../../base/ids.ts';
import { shufflePrefix } from '../../commit/layout.ts';
import type { Split } from '../../plan/task.ts';
import { SUCCESS_NAME } from '../../report/result-names.ts';
import type { ObjectInfo, ObjectStore } from '../../storage/object-store.ts';
import { findDocument, type PlanDocument } from '../protocol/documents.ts';
import {
  attemptFailuresPrefix,
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
export type JobPhase = 'planning' | 'map' | 'reduce' | 'committing' | 'succeeded' | 'failed' | 'cancelled';

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

export interface CommittedTasks {
  readonly map: number;
  readonly reduce: number;
  /** Stored bytes of input that committed map tasks have read. */
  readonly mapBytes: number;
  /** Size of the shuffle objects that have been committed. */
  readonly shuffleBytes: number;
  /** Indexes of the reduce tasks that have committed. */
  readonly reduceTasks: readonly number[];
  readonly failedAttempts: number;
  readonly failedMapAttempts: number;
  /** Key of the note about the latest failed attempt. */
  readonly lastFailureKey: string | undefined;
}

const NO_TASKS: CommittedTasks = {
  map: 0,
  reduce: 0,
  mapBytes: 0,
  shuffleBytes: 0,
  reduceTasks: [],
  failedAttempts: 0,
  failedMapAttempts: 0,
  lastFailureKey: undefined,
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
      const { splits, settings } = plan.plan;
      return { ...state, phase, committed: { ...NO_TASKS, map: splits.length, reduce: settings.reducers } };
    }
    return { ...state, phase, committed: plan === undefined ? NO_TASKS : await committedTasks(store, plan) };
  }
  if (plan === undefined) return { ...state, phase: 'planning', committed: NO_TASKS };
  const committed = await committedTasks(store, plan);
  const { splits, settings } = plan.plan;
  const phase =
    committed.map < splits.length ? 'map' : committed.reduce < settings.reducers ? 'reduce' : 'committing';
  return { ...state, phase, committed };
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

/** Lists the objects of each stage, 1,000 tasks per request. */
async function committedTasks(
  store: ObjectStore,
  { plan, outputPrefix }: PlanDocument,
): Promise<CommittedTasks> {
  const { settings, splits } = plan;
  const layout = jobLayout(settings.jobId, outputPrefix);
  const parts = (stage: 'm' | 'r') =>
    settings.merge ? `${layout.workPrefix}merge/${stage}-` : `${outputPrefix}part-${stage}-`;
  const isMapOnly = settings.reducers === 0;
  const map = await list(store, isMapOnly ? parts('m') : shufflePrefix(layout));
  const isReducing = !isMapOnly && map.length >= splits.length;
  const reduce = isReducing ? await list(store, parts('r')) : [];
  const failures = await list(store, attemptFailuresPrefix(settings.jobId));
  return {
    map: map.length,
    reduce: reduce.length,
    mapBytes: sum(map.map(({ key }) => splitBytes(splits[taskIndexOf(key)]))),
    shuffleBytes: isMapOnly ? 0 : sum(map.map(({ sizeBytes }) => sizeBytes)),
    reduceTasks: reduce.map(({ key }) => taskIndexOf(key)),
    failedAttempts: failures.length,
    failedMapAttempts: failures.filter(({ key }) => /\/m-[^/]*$/.test(key)).length,
    lastFailureKey: failures.at(-1)?.key,
  };
}

async function list(store: ObjectStore, prefix: string): Promise<ObjectInfo[]> {
  const objects: ObjectInfo[] = [];
  for await (const object of store.list(prefix)) objects.push(object);
  return objects;
}

/** @param key  of a shuffle object, a run that is to be merged, or a part */
function taskIndexOf(key: string): number {
  return Number(/[mr]-(\d{5,})(?:\.[^/]*)?$/.exec(key)?.[1]);
}

function splitBytes(split: Split | undefined): number {
  return sum(split?.pieces.map(({ startBytes, endBytes }) => endBytes - startBytes) ?? []);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** @throws UsageError for text that cannot be the id of a job */
export function checkedJobId(text: string): JobId {
  try {
    return jobId(text);
  } catch (error) {
    throw new MapReduceError('UsageError', (error as Error).message, { cause: error });
  }
}
