/** `mapreduce submit`: local files go up, the job is started, and, with --wait, followed to its end. */
import { randomBytes } from 'node:crypto';
import type { Deployment } from '../../aws/client/deployment.ts';
import {
  executionArn,
  executionName,
  findExecution,
  jobIdTaken,
  startExecution,
} from '../../aws/client/executions.ts';
import { checkedJobId, failureOf, type JobStatus } from '../../aws/client/job-status.ts';
import { assertInputs, assertOutput, assertSuits, deployedApp } from '../../aws/client/submit-checks.ts';
import { planInputs, uploadInputs } from '../../aws/client/uploads.ts';
import { watchJob } from '../../aws/client/watch.ts';
import { type JobRequestInput, parseJobRequest } from '../../aws/protocol/job-request.ts';
import { OUTPUT_PREFIX, requestKey } from '../../aws/protocol/keys.ts';
import { MapReduceError } from '../../base/errors.ts';
import type { JobId } from '../../base/ids.ts';
import { KiB, LIMITS } from '../../base/limits.ts';
import { formatBytes, formatCountOf, formatDuration } from '../../base/quantities.ts';
import { paintFor } from '../display/paint.ts';
import { afterDone } from '../display/standard-streams.ts';
import { print, printJson, printToStderr } from '../display/terminal.ts';
import { connectBy, type DeploymentFlags, deployLine } from '../flags/deployment-flags.ts';
import { parseAssignment, parseSizeBytes, parseWholeNumber } from '../flags/flag-values.ts';
import { EXIT_CODE } from '../process/exit-code.ts';
import { type OutputFlags, waitForJob } from './wait.ts';

export interface SubmitFlags extends DeploymentFlags, OutputFlags {
  readonly input?: readonly string[];
  readonly output?: string;
  readonly reducers?: string;
  readonly splitSize?: string;
  readonly set?: readonly string[];
  readonly merge?: boolean;
  readonly overwrite?: boolean;
  readonly jobId?: string;
  readonly wait?: boolean;
}

/**
 * Step Functions takes 256 KiB of input, and as much from state to state. The plan's state wraps the input, and that of
 * a failure adds its cause, of up to 32,768 characters: what does not fit there ends the execution, uncaught and untold.
 */
const EXECUTION_INPUT_BYTES_MAX = 192 * KiB;
/** An app or an input that is not there is known by then; a longer plan goes on without being watched. */
const PLAN_WATCHED_MS = 15_000;

export async function submitCommand(app: string | undefined, flags: SubmitFlags): Promise<number> {
  const { name, inputs } = complete(app, flags);
  const settings = settingsOf(flags);
  const job = checkedJobId(flags.jobId ?? madeUpJobId(name));
  const deployment = await connectBy(flags);
  const planned = await planInputs(inputs, { job, bucket: deployment.bucket });
  const request: JobRequestInput = {
    app: name,
    inputs: [...planned.inputs],
    ...settings,
    ...(flags.output === undefined ? {} : { output: outputPrefixOf(flags.output, deployment.bucket) }),
  };
  const parsed = parseJobRequest(request, 'the request');
  const input = { jobId: job, request };
  assertFits(input);
  const deployed = await deployedApp(deployment, name);
  if (deployed !== undefined) assertSuits(deployed, parsed);
  if (flags.jobId !== undefined) await assertFree(deployment, job);
  await assertInputs(deployment, planned, deployed);
  await assertOutput(deployment, parsed);
  const say = (text: string) => {
    if (!flags.json && !flags.quiet) printToStderr(text);
  };
  await upload(deployment, planned.uploads, say);
  const execution = await startExecution(deployment, { job, redrive: 0, input });
  const start = { jobId: job, execution, plan: undefined };
  say(`job ${job} is submitted\n`);
  if (flags.wait) return await waitForJob(deployment, start, flags);
  await untilPlanned(deployment, start, flags);
  return EXIT_CODE.done;
}

/** Before anything is uploaded over the inputs of another job. */
async function assertFree(deployment: Deployment, job: JobId): Promise<void> {
  const claim = await deployment.store.head(requestKey(job));
  const arn = executionArn(deployment.stateMachineArn, executionName(job, 0));
  if (claim !== undefined || (await findExecution(deployment, { arn, redrive: 0 })) !== undefined) {
    throw jobIdTaken(job);
  }
}

function complete(app: string | undefined, flags: SubmitFlags) {
  const { input } = flags;
  if (app === undefined) {
    throw new MapReduceError(
      'UsageError',
      'no app is named. Name it first, since --input and --set take all that follows: mapreduce submit <app> --input <path>...',
    );
  }
  if (/[/\\]|\.[cm]?[jt]s$/.test(app)) {
    throw new MapReduceError(
      'UsageError',
      `'${app}' is a path, and on AWS an app has the name under which it was deployed. To deploy jobs of your own: ${deployLine(flags, ' --jobs <module that exports apps>')}`,
    );
  }
  if (input === undefined || input.length === 0) {
    throw new MapReduceError(
      'UsageError',
      'mapreduce submit needs --input <path>...: files of this machine, or s3://bucket/prefix/',
    );
  }
  return { name: app, inputs: input };
}

function settingsOf(flags: SubmitFlags): Partial<JobRequestInput> {
  const { reducers, splitSize, set = [], merge, overwrite } = flags;
  return {
    params: Object.fromEntries(set.map((text) => parseAssignment('--set', text))),
    ...(reducers === undefined
      ? {}
      : { reducers: parseWholeNumber('--reducers', reducers, { min: 1, max: LIMITS.reducersMax }) }),
    ...(splitSize === undefined
      ? {}
      : {
          splitSizeBytes: parseSizeBytes('--split-size', splitSize, {
            min: LIMITS.splitSizeBytesMin,
            max: LIMITS.splitSizeBytesMax,
          }),
        }),
    ...(merge ? { merge } : {}),
    ...(overwrite ? { overwrite } : {}),
  };
}

/** `word-count-20250131-142530-1f9a`: what, when, and apart from others of that second. */
function madeUpJobId(app: string): string {
  const name = app.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'job';
  const at = new Date().toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${name.slice(0, 48)}-${at}-${randomBytes(2).toString('hex')}`;
}

/** `s3://bucket/output/daily` and `output/daily/` are the same; what is allowed is for the request's check to say. */
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
  { store, bucket }: Deployment,
  uploads: Awaited<ReturnType<typeof planInputs>>['uploads'],
  say: (text: string) => void,
): Promise<void> {
  if (uploads.length === 0) return;
  const total = uploads.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const startedMs = performance.now();
  let sent = 0;
  let saidMs = startedMs;
  await uploadInputs(store, uploads, (bytes) => {
    sent += bytes;
    if (performance.now() - saidMs < 1_000) return;
    saidMs = performance.now();
    say(`uploading: ${formatBytes(sent)} of ${formatBytes(total)}\n`);
  });
  say(
    `uploaded ${formatCountOf(uploads.length, 'file')}, ${formatBytes(total)}, to s3://${bucket} in ${formatDuration(performance.now() - startedMs)}\n`,
  );
}

/** What is wrong with the request itself is said here, and not only to who asks later. */
async function untilPlanned(
  deployment: Deployment,
  start: Parameters<typeof watchJob>[1],
  flags: OutputFlags,
): Promise<void> {
  const giveUpAtMs = performance.now() + PLAN_WATCHED_MS;
  const status = await watchJob(deployment, start, {
    onEvent: () => {},
    signal: new AbortController().signal,
    nowMs: () => performance.now(),
    until: ({ plan }) => plan !== undefined || performance.now() > giveUpAtMs,
  });
  if (status.phase === 'failed' || status.phase === 'cancelled') throw await failureOf(deployment, status);
  await afterDone(`job ${status.jobId} is submitted`, () => printSubmitted(deployment, status, flags));
}

function printSubmitted(
  { commandLine }: Deployment,
  { jobId, phase, execution, plan }: JobStatus,
  { json, quiet }: OutputFlags,
): void {
  if (json) {
    printJson({ jobId, phase, execution: execution?.arn, output: plan?.outputPrefix });
    return;
  }
  if (quiet) {
    print(`${jobId}\n`);
    return;
  }
  const paint = paintFor(process.stdout);
  print(`${paint('bold', jobId)}${plan === undefined ? '' : `  ${planText(plan.plan)}`}\n`);
  for (const next of [`wait ${jobId}`, `results ${jobId} --download <folder>`]) {
    print(`  ${commandLine(next)}\n`);
  }
}

function planText(plan: {
  readonly inputFiles: number;
  readonly inputBytes: number;
  readonly splits: readonly unknown[];
  readonly settings: { readonly reducers: number };
}): string {
  const { inputFiles, inputBytes, splits, settings } = plan;
  const reduce = settings.reducers === 0 ? '' : `, ${formatCountOf(settings.reducers, 'reduce task')}`;
  return `${formatCountOf(inputFiles, 'file')}, ${formatBytes(inputBytes)}: ${formatCountOf(splits.length, 'map task')}${reduce}`;
}
