/** Where a job is: its execution, its plan, and the objects that its tasks have committed. */

import { type ErrorName, isErrorName, MapReduceError } from '../../base/errors.ts';
import { type JobId, jobId } from '../../base/ids.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { shufflePrefix } from '../../commit/layout.ts';
import type { Split } from '../../plan/task.ts';
import type { JobReport } from '../../report/report.ts';
import { SUCCESS_NAME } from '../../report/result-names.ts';
import type { ObjectInfo, ObjectStore } from '../../storage/object-store.ts';
import {
  type FailureDocument,
  findDocument,
  findManifest,
  type PlanDocument,
  type WrittenHint,
} from '../protocol/documents.ts';
import { hintText, isHintKind } from '../protocol/hints.ts';
import {
  attemptFailuresPrefix,
  cancelKey,
  defaultOutputPrefix,
  failureKey,
  JOBS_PREFIX,
  jobLayout,
  planKey,
} from '../protocol/keys.ts';
import { reportedFailure } from '../protocol/lambda-reports.ts';
import { isAccessDenied } from './aws-errors.ts';
import { regionOfArn } from './client-options.ts';
import type { Deployment } from './deployment.ts';
import { type JobExecution, latestExecution } from './executions.ts';

/**
 *     planning -> map -> reduce -> committing -> succeeded
 *         |________|________|___________|----> failed, cancelled
 */
export type JobPhase = 'planning' | 'map' | 'reduce' | 'committing' | 'succeeded' | 'failed' | 'cancelled';

export interface JobStatus {
  readonly jobId: JobId;
  readonly phase: JobPhase;
  /** Undefined for a job of long ago. */
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
  /** Of the input, as it is stored: those of the map tasks that have committed. */
  readonly mapBytes: number;
  /** Of the shuffle objects that are there. */
  readonly shuffleBytes: number;
  /** Indexes of the reduce tasks that have committed. */
  readonly reduceTasks: readonly number[];
  readonly failedAttempts: number;
  readonly failedMapAttempts: number;
  /** Key of the note that the latest failed attempt has left. */
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
  if (execution === undefined && plan === undefined) throw await noJob(deployment, job);
  return await statusOf(deployment, { job, execution, plan });
}

/** @param execution  looked at just now */
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

/** A listing for each stage, 1,000 tasks a request. */
async function committedTasks(
  store: ObjectStore,
  { plan, outputPrefix }: PlanDocument,
): Promise<CommittedTasks> {
  const { settings, splits } = plan;
  const layout = jobLayout(settings.jobId as JobId, outputPrefix);
  const parts = (stage: 'm' | 'r') =>
    settings.merge ? `${layout.workPrefix}merge/${stage}-` : `${outputPrefix}part-${stage}-`;
  const isMapOnly = settings.reducers === 0;
  const map = await list(store, isMapOnly ? parts('m') : shufflePrefix(layout));
  const isReducing = !isMapOnly && map.length >= splits.length;
  const reduce = isReducing ? await list(store, parts('r')) : [];
  const failures = await list(store, attemptFailuresPrefix(settings.jobId as JobId));
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

/** Of a shuffle object, a run that is to be merged, or a part. */
function taskIndexOf(key: string): number {
  return Number(/[mr]-(\d{5,})(?:\.[^/]*)?$/.exec(key)?.[1]);
}

function splitBytes(split: Split | undefined): number {
  return sum(split?.pieces.map(({ startBytes, endBytes }) => endBytes - startBytes) ?? []);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** @throws ObjectNotFoundError as a UsageError: the results of the job are not there */
export async function readReport(
  { store }: Deployment,
  { jobId: job, plan, execution }: JobStatus,
): Promise<{ report: JobReport; outputPrefix: string }> {
  const outputPrefix = execution?.output.outputPrefix ?? plan?.outputPrefix ?? defaultOutputPrefix(job);
  const report = await findManifest(store, outputPrefix);
  if (report !== undefined && report.jobId !== job) {
    throw new MapReduceError(
      'UsageError',
      `the results of job ${job} were replaced by those of job ${report.jobId}, in ${store.location}/${outputPrefix}`,
    );
  }
  if (report !== undefined) return { report, outputPrefix };
  throw new MapReduceError(
    'UsageError',
    `the results of job ${job} are not in ${store.location}/${outputPrefix}: somebody has removed them. Submit the job again`,
  );
}

/** @throws what the job failed of; UsageError while it runs */
export async function assertSucceeded(deployment: Deployment, status: JobStatus): Promise<void> {
  const { phase, jobId: job } = status;
  if (phase === 'succeeded') return;
  if (phase === 'failed' || phase === 'cancelled') throw await failureOf(deployment, status);
  throw new MapReduceError(
    'UsageError',
    `job ${job} is still running (${phase}); it has no results before it succeeds. ${deployment.commandLine(`wait ${job}`)}`,
  );
}

/** Why a job did not end well, as an error of the family, with the task and the stack of the user's code. */
export async function failureOf(
  { store, commandLine }: Deployment,
  { jobId: job, phase, execution, plan }: JobStatus,
): Promise<MapReduceError> {
  if (phase === 'cancelled') {
    return new MapReduceError(
      'CancelledError',
      `job ${job} was cancelled. What is committed is kept for days: go on from there with '${commandLine(`redrive ${job}`)}'`,
    );
  }
  const failure = await findDocument<FailureDocument>(store, failureKey(job));
  if (failure === undefined) {
    return new MapReduceError(
      'TaskFailedError',
      `job ${job} failed${execution === undefined ? '' : ` (${execution.status})`}: ${reportedText(execution)}. See '${commandLine(`logs ${job}`)}'`,
    );
  }
  const { phase: _phase, file, ...details } = failure.details;
  const next = failure.nextSteps.map((hint) => `\n  next: ${ownText(hint, commandLine)}`).join('');
  return new MapReduceError(errorNameOf(failure.error), `job ${job}: ${failure.message}${next}`, {
    details: {
      // Without the phase: the hint that goes with it is a command for files of this machine.
      ...details,
      ...(file === undefined ? {} : { file: `${store.location}/${file}` }),
      ...(plan === undefined ? {} : { jobName: plan.plan.settings.jobName }),
      jobId: job,
    },
  });
}

/** Why an execution failed that could not leave a failure.json. */
function reportedText(execution: JobExecution | undefined): string {
  if (execution?.error === undefined) return execution?.cause ?? 'it has left no failure.json';
  const failure = reportedFailure({ Error: execution.error, Cause: execution.cause ?? '' });
  switch (failure.kind) {
    case 'thrown':
      return `${failure.error.name}: ${failure.error.message}`;
    case 'death':
      return `${failure.death.name}: ${failure.death.message}`;
    case 'tasks-failed':
      return `${execution.error}: tasks failed, and it has left no failure.json`;
    case 'other':
      return failure.message === '' ? failure.name : failure.message;
  }
}

/** The function that wrote the hint does not know how this command was called. */
function ownText(hint: WrittenHint, commandLine: Deployment['commandLine']): string {
  return isHintKind(hint.kind) ? hintText(hint, commandLine) : hint.text;
}

function errorNameOf(name: string): ErrorName {
  return isErrorName(name) ? name : 'TaskFailedError';
}

/** @throws UsageError */
export function checkedJobId(text: string): JobId {
  try {
    return jobId(text);
  } catch (error) {
    throw new MapReduceError('UsageError', (error as Error).message, { cause: error });
  }
}

/** Job ids looked through for one that resembles a missing one. */
const KEYS_COMPARED_MAX = 2_000;

async function noJob(deployment: Deployment, job: JobId): Promise<MapReduceError> {
  const { bucket, stackName, stateMachineArn, commandLine } = deployment;
  const nearest = nearestName(job, await knownJobs(deployment));
  const name = stateMachineArn.split(':').at(-1);
  const where = stackName === undefined ? `the state machine ${name}` : `the stack ${stackName}`;
  return new MapReduceError(
    'UsageError',
    `there is no job '${job}' in s3://${bucket} (${where}, in the region ${regionOfArn(stateMachineArn)}).${nearest === undefined ? '' : ` Did you mean '${nearest}'?`} '${commandLine('jobs')}' lists the latest`,
  );
}

/** Of the bucket, for the nearest name: none where they may not be listed. */
async function knownJobs({ store }: Deployment): Promise<Set<string>> {
  const known = new Set<string>();
  let keys = 0;
  try {
    for await (const { key } of store.list(JOBS_PREFIX)) {
      known.add(key.slice(JOBS_PREFIX.length).split('/', 1)[0]!);
      if (++keys === KEYS_COMPARED_MAX) break;
    }
  } catch (error) {
    if (!isAccessDenied(error)) throw error;
  }
  return known;
}
