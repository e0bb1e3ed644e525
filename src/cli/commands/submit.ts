/** `mapreduce submit`: uploads local files, starts a job and, with --wait, follows it to its end. */
import type { Deployment } from '../../aws/client/deployment.ts';
import { checkedJobId, type JobStatus } from '../../aws/client/job-status.ts';
import { deploymentNotices } from '../../aws/client/quotas.ts';
import {
  dryRunJob,
  generatedJobId,
  type Submission,
  submitJob,
  type UploadEvents,
  untilPlanned,
} from '../../aws/client/submission.ts';
import { CONCURRENCY_MAX } from '../../aws/protocol/concurrency.ts';
import { MAX_DOLLARS_MAX } from '../../aws/protocol/job-request.ts';
import { TASKS_PER_STAGE_MAX } from '../../aws/protocol/job-state.ts';
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { formatBytes, formatCountOf, formatDuration } from '../../base/quantities.ts';
import { eachSecond } from '../display/each-second.ts';
import { paintFor } from '../display/paint.ts';
import { afterDone } from '../display/standard-streams.ts';
import { print, printJson, printToStderr } from '../display/terminal.ts';
import { connectBy, type DeploymentFlags, deployLine } from '../flags/deployment-flags.ts';
import { parseAssignment, parseDollars, parseSizeBytes, parseWholeNumber } from '../flags/flag-values.ts';
import type { OutputFlags } from '../flags/output-flags.ts';
import { EXIT_CODE } from '../process/exit-code.ts';
import { waitForJob } from './wait.ts';

export interface SubmitFlags extends DeploymentFlags, OutputFlags {
  readonly input?: readonly string[];
  readonly output?: string;
  readonly reducers?: string;
  readonly splitSize?: string;
  readonly set?: readonly string[];
  readonly maxTasks?: string;
  readonly maxDollars?: string;
  readonly maxConcurrency?: string;
  readonly merge?: boolean;
  readonly overwrite?: boolean;
  readonly jobId?: string;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

export async function submitCommand(app: string | undefined, flags: SubmitFlags): Promise<number> {
  const submission = submissionOf(app, flags);
  const deployment = await connectBy(flags);
  if (flags.dryRun) return await printDryRun(deployment, submission, flags);
  const say = (text: string) => {
    if (!flags.json && !flags.quiet) printToStderr(text);
  };
  const noticed = deploymentNotices(deployment, submission.settings.maxConcurrency);
  const start = await submitJob(deployment, submission, uploadTexts(deployment, say));
  for (const notice of await noticed) say(`note: ${notice}\n`);
  say(`job ${start.jobId} is submitted\n`);
  if (flags.wait) return await waitForJob(deployment, start, flags);
  const status = await untilPlanned(deployment, start);
  await afterDone(`job ${status.jobId} is submitted`, () => printSubmitted(deployment, status, flags));
  return EXIT_CODE.done;
}

async function printDryRun(
  deployment: Deployment,
  submission: Submission,
  { json }: OutputFlags,
): Promise<number> {
  const { files, bytes, notices, estimate } = await dryRunJob(deployment, submission);
  if (json) printJson({ job: submission.app, files, bytes, ...estimate, notices });
  else {
    const { estimateLines } = await import('../display/estimate-text.ts');
    const title = `${submission.app}: ${formatCountOf(files, 'file')}, ${formatBytes(bytes)}; nothing was started`;
    print(`${estimateLines({ title, estimate, notices }, paintFor(process.stdout)).join('\n')}\n`);
  }
  return EXIT_CODE.done;
}

/** @throws UsageError for a missing or malformed flag, before the first request to AWS */
function submissionOf(app: string | undefined, flags: SubmitFlags): Submission {
  const { name, inputs } = complete(app, flags);
  const settings = settingsOf(flags);
  return {
    job: checkedJobId(flags.jobId ?? generatedJobId(name)),
    isIdChosen: flags.jobId !== undefined,
    app: name,
    inputs,
    output: flags.output,
    settings,
  };
}

function complete(app: string | undefined, flags: SubmitFlags) {
  const { input = [] } = flags;
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
  // An app may generate its input, which only the deployment knows.
  return { name: app, inputs: input };
}

function settingsOf(flags: SubmitFlags): Submission['settings'] {
  const { reducers, splitSize, maxTasks, maxDollars, maxConcurrency, set = [], merge, overwrite } = flags;
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
    ...(maxTasks === undefined
      ? {}
      : { maxTasks: parseWholeNumber('--max-tasks', maxTasks, { min: 1, max: 2 * TASKS_PER_STAGE_MAX }) }),
    ...(maxDollars === undefined
      ? {}
      : { maxDollars: parseDollars('--max-dollars', maxDollars, MAX_DOLLARS_MAX) }),
    ...(maxConcurrency === undefined
      ? {}
      : {
          maxConcurrency: parseWholeNumber('--max-concurrency', maxConcurrency, {
            min: 1,
            max: CONCURRENCY_MAX,
          }),
        }),
    ...(merge ? { merge } : {}),
    ...(overwrite ? { overwrite } : {}),
  };
}

function uploadTexts({ bucket }: Deployment, say: (text: string) => void): UploadEvents {
  let [sent, total] = [0, 0];
  const tell = eachSecond(() => say(`uploading: ${formatBytes(sent)} of ${formatBytes(total)}\n`));
  return {
    onProgress: (sentBytes, totalBytes) => {
      [sent, total] = [sentBytes, totalBytes];
      tell();
    },
    onUploaded: ({ files, bytes, ms }) =>
      say(
        `uploaded ${formatCountOf(files, 'file')}, ${formatBytes(bytes)}, to s3://${bucket} in ${formatDuration(ms)}\n`,
      ),
  };
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
