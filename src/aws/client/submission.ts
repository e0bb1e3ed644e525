/**
 * Submits a job: examines the inputs, checks the request as far as possible, uploads local files, and starts the
 * execution. A refused request does not change the bucket.
 */
import { randomBytes } from 'node:crypto';
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import type { JobId } from '../../base/ids.ts';
import { KiB, MiB } from '../../base/limits.ts';
import { formatBytes } from '../../base/quantities.ts';
import { namesOfInputs } from '../../plan/inputs/named-inputs.ts';
import type { DeployedApp, DeployedInput } from '../protocol/app-catalog.ts';
import { type JobRequestInput, parseJobRequest } from '../protocol/job-request.ts';
import type { DryPlan } from '../protocol/job-state.ts';
import { OUTPUT_PREFIX, requestKey } from '../protocol/keys.ts';
import { isAccessDenied } from './aws-errors.ts';
import type { Deployment } from './deployment.ts';
import { executionArn, executionName, findExecution, jobIdTaken, startExecution } from './executions.ts';
import { failureOf } from './job-outcome.ts';
import type { JobStart, JobStatus } from './job-status.ts';
import { assertInputs, assertOutput, assertSuits, deployedApp } from './submit-checks.ts';
import { type PlannedInput, type PlannedUpload, planInputs, uploadInputs } from './uploads.ts';
import { watchJob } from './watch.ts';

export interface Submission {
  readonly job: JobId;
  /** Whether a person chose the id, so that another job may have it already. */
  readonly isIdChosen: boolean;
  readonly app: string;
  /**
   * Local paths and globs; `s3://` URLs, keys and prefixes of the bucket. For an app with named inputs each as
   * `<input>=<name>`; none for generated input.
   */
  readonly inputs: readonly string[];
  /** `s3://<bucket>/output/<name>/`, or without the bucket. */
  readonly output: string | undefined;
  readonly settings: Omit<Partial<JobRequestInput>, 'app' | 'inputs' | 'output'>;
}

export interface UploadEvents {
  readonly onProgress: (sentBytes: number, totalBytes: number) => void;
  /** Not called if there is nothing to upload. */
  readonly onUploaded: (uploaded: {
    readonly files: number;
    readonly bytes: number;
    readonly ms: number;
  }) => void;
}

/**
 * Step Functions accepts 256 KiB of input, and as much between states. The plan's state wraps the input, and the state
 * for a failure adds its cause of up to 32,768 characters. An input that no longer fits there ends the execution with an
 * error that no state catches, and nothing records it.
 */
const EXECUTION_INPUT_BYTES_MAX = 192 * KiB;
/** Lambda accepts 6 MB; the request needs part of them. */
const ANNOUNCED_BYTES_MAX = 5 * MiB;
/** A missing app or input is known by then; a plan that takes longer continues unwatched. */
const PLAN_WATCHED_MS = 15_000;

/** @throws UsageError, InputNotFoundError or OutputExistsError for a request that the plan would refuse as well */
export async function submitJob(
  deployment: Deployment,
  submission: Submission,
  events: UploadEvents,
): Promise<JobStart> {
  const { job, isIdChosen } = submission;
  const { input, planned } = await checkedSubmission(deployment, submission);
  if (isIdChosen) await assertFree(deployment, job);
  const uploads = planned.flatMap((each) => each.uploads);
  if (uploads.length > 0) await assertLikelyAllowed(deployment, input, uploads);
  await upload(deployment, uploads, events);
  const execution = await startExecution(deployment, { job, redrive: 0, input });
  return { jobId: job, execution, plan: undefined };
}

/**
 * Has the deployed code plan the job and estimate it. The bucket does not change.
 *
 * @throws UsageError for files that are not in the bucket; the errors of submitJob()
 */
export async function dryRunJob(deployment: Deployment, submission: Submission): Promise<DryPlan> {
  const { input, planned } = await checkedSubmission(deployment, submission);
  const [local] = planned.flatMap((each) => each.uploads);
  if (local !== undefined) {
    throw new MapReduceError(
      'UsageError',
      `--dry-run plans jobs on objects of the bucket, and ${local.path} is on this machine. Nothing was uploaded. To plan a job on local files: mapreduce plan <app or job module> --input <path>...`,
    );
  }
  const { invokePlan } = await import('./dry-plan.ts');
  return await invokePlan(deployment, input);
}

/** Everything that can be checked before anything changes. */
async function checkedSubmission(
  deployment: Deployment,
  { job, app, inputs, output, settings }: Submission,
): Promise<{ input: { jobId: JobId; request: JobRequestInput }; planned: readonly InputOfApp[] }> {
  const { bucket } = deployment;
  const deployed = await deployedApp(deployment, app);
  const planned = await planEachInput(inputs, { job, bucket, deployed });
  const request: JobRequestInput = {
    ...settings,
    app,
    inputs: requestInputs(planned),
    ...(output === undefined ? {} : { output: outputPrefixOf(output, bucket) }),
  };
  const parsed = parseJobRequest(request, 'the request');
  const input = { jobId: job, request };
  assertFits(input);
  if (deployed !== undefined) assertSuits(deployed, parsed);
  for (const each of planned) await assertInputs(deployment, each);
  await assertOutput(deployment, parsed);
  return { input, planned };
}

/**
 * Waits for the plan, so that a wrong request is reported immediately.
 *
 * @returns the status of a job that is planned, or still in planning after some seconds
 * @throws the error that the job failed with
 */
export async function untilPlanned(deployment: Deployment, start: JobStart): Promise<JobStatus> {
  const giveUpAtMs = performance.now() + PLAN_WATCHED_MS;
  const status = await watchJob(deployment, start, {
    onEvent: () => {},
    signal: new AbortController().signal,
    nowMs: () => performance.now(),
    until: ({ plan }) => plan !== undefined || performance.now() > giveUpAtMs,
  });
  if (status.phase === 'failed' || status.phase === 'cancelled') throw await failureOf(deployment, status);
  return status;
}

interface InputOfApp extends PlannedInput {
  /** Undefined if the deployment does not describe the app. */
  readonly deployed: DeployedInput | undefined;
}

async function planEachInput(
  names: readonly string[],
  { job, bucket, deployed }: { job: JobId; bucket: string; deployed: DeployedApp | undefined },
): Promise<InputOfApp[]> {
  const ofInput = deployed === undefined ? [names] : namesOfInputs(deployed, names);
  const planned: InputOfApp[] = [];
  for (const [index, list] of ofInput.entries()) {
    const input = deployed?.inputs[index];
    const none = { inputs: [], uploads: [], files: [], stored: [] };
    const plan = list.length === 0 ? none : await planInputs(list, { job, bucket, input: input?.name });
    planned.push({ ...plan, deployed: input });
  }
  return planned;
}

function requestInputs(planned: readonly InputOfApp[]): Exclude<JobRequestInput['inputs'], undefined> {
  const [only] = planned;
  if (only?.deployed?.name === undefined) return [...(only?.inputs ?? [])];
  const named = planned.filter(({ deployed }) => deployed?.isGenerated !== true);
  return Object.fromEntries(named.map(({ deployed, inputs }) => [deployed!.name!, [...inputs]]));
}

/** `word-count-20250131-142530-1f9a`: the app, the time, and digits that distinguish jobs of the same second. */
export function generatedJobId(app: string): string {
  const name = app.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'job';
  const at = new Date().toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${name.slice(0, 48)}-${at}-${randomBytes(2).toString('hex')}`;
}

/**
 * Asks the deployed code whether the job is within its bounds, so that a refused one costs no upload. The plan repeats
 * this with the contents of the files, so nothing fails here that only it can know.
 *
 * @throws BudgetExceededError; UsageError, as for a concurrency that the deployment does not allow
 */
async function assertLikelyAllowed(
  deployment: Deployment,
  input: { readonly request: JobRequestInput },
  uploads: readonly PlannedUpload[],
): Promise<void> {
  const { maxTasks, maxDollars, maxConcurrency } = input.request;
  if ((maxTasks ?? maxDollars ?? maxConcurrency) === undefined) return;
  const announced = uploads.map(({ key, sizeBytes }) => ({ key, sizeBytes }));
  if (Buffer.byteLength(JSON.stringify(announced)) > ANNOUNCED_BYTES_MAX) return;
  const { invokePlan } = await import('./dry-plan.ts');
  try {
    await invokePlan(deployment, input, announced);
  } catch (error) {
    // Submitting does not require the right to invoke functions.
    if (isAccessDenied(error)) return;
    if (isMapReduceError(error, 'BudgetExceededError') || isMapReduceError(error, 'UsageError')) {
      const { name, message, details } = error;
      throw new MapReduceError(name, `${message}. Nothing was uploaded`, { details, cause: error });
    }
  }
}

/** Before anything is uploaded over the inputs of another job. */
async function assertFree(deployment: Deployment, job: JobId): Promise<void> {
  const claim = await deployment.store.head(requestKey(job));
  const arn = executionArn(deployment.stateMachineArn, executionName(job, 0));
  if (claim !== undefined || (await findExecution(deployment, { arn, redrive: 0 })) !== undefined) {
    throw jobIdTaken(job);
  }
}

/**
 * `s3://bucket/output/daily` and `output/daily/` mean the same. The check of the request says which prefixes are
 * allowed.
 */
function outputPrefixOf(output: string, bucket: string): string {
  const own = `s3://${bucket}/`;
  if (output.startsWith('s3://') && !output.startsWith(own)) {
    throw new MapReduceError(
      'UsageError',
      `--output ${output} is in another bucket; jobs of this deployment write below ${own}${OUTPUT_PREFIX}. For results on this machine: mapreduce results <job> --download <folder>`,
    );
  }
  const prefix = output.startsWith(own) ? output.slice(own.length) : output;
  return prefix.endsWith('/') ? prefix : `${prefix}/`;
}

function assertFits(input: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(input));
  if (bytes <= EXECUTION_INPUT_BYTES_MAX) return;
  throw new MapReduceError(
    'UsageError',
    `the request has ${formatBytes(bytes)}, and at most ${formatBytes(EXECUTION_INPUT_BYTES_MAX)} go through Step Functions. Name folders, prefixes or globs (in quotes, so that the shell leaves them alone) instead of each file`,
  );
}

async function upload(
  { store }: Deployment,
  uploads: readonly PlannedUpload[],
  { onProgress, onUploaded }: UploadEvents,
): Promise<void> {
  if (uploads.length === 0) return;
  const bytes = uploads.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const startedMs = performance.now();
  let sent = 0;
  await uploadInputs(store, uploads, (more) => {
    sent += more;
    onProgress(sent, bytes);
  });
  onUploaded({ files: uploads.length, bytes, ms: performance.now() - startedMs });
}
