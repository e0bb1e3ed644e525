/** `mapreduce status`, `wait`, `results`, `cancel` and `redrive`: of one job, by its id. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '../../aws/client/deployment.ts';
import { estimatedCost } from '../../aws/client/estimated-cost.ts';
import {
  findExecution,
  type JobExecution,
  startExecution,
  stopExecution,
} from '../../aws/client/executions.ts';
import {
  checkedJobId,
  failureOf,
  type JobStatus,
  jobStatus,
  readReport,
} from '../../aws/client/job-status.ts';
import { downloadResults } from '../../aws/client/results.ts';
import { cancelKey } from '../../aws/protocol/keys.ts';
import { MapReduceError } from '../../base/errors.ts';
import { formatBytes, formatCount, formatCountOf, formatDuration } from '../../base/quantities.ts';
import { reportPage } from '../../report/page/page.ts';
import { MANIFEST_NAME, REPORT_NAME, SUCCESS_NAME } from '../../report/result-names.ts';
import { errorText } from '../display/error-text.ts';
import { paintFor } from '../display/paint.ts';
import { afterDone } from '../display/standard-streams.ts';
import { tableLines } from '../display/table.ts';
import { print, printJson, printToStderr } from '../display/terminal.ts';
import { shortPath } from '../display/user-stack.ts';
import { connectBy, type DeploymentFlags } from '../flags/deployment-flags.ts';
import { EXIT_CODE } from '../process/exit-code.ts';
import { PACKAGE_ROOT } from '../process/package-root.ts';
import { type OutputFlags, printResult, waitForJob } from './wait.ts';

type JobFlags = DeploymentFlags & OutputFlags;

/** Exit code 1 for a job that failed, so that scripts can ask. */
export async function statusCommand(id: string, flags: JobFlags): Promise<number> {
  const job = checkedJobId(id);
  const deployment = await connectBy(flags);
  const status = await jobStatus(deployment, job);
  const { jobId, phase, execution, plan, committed } = status;
  const failure =
    phase === 'failed' || phase === 'cancelled' ? await failureOf(deployment, status) : undefined;
  if (flags.json) {
    const document = {
      jobId,
      phase,
      startedAt: execution?.startedAt.toISOString(),
      stoppedAt: execution?.stoppedAt?.toISOString(),
      execution: execution?.arn,
      redrives: execution?.redrive,
      output: plan?.outputPrefix,
      map: { tasks: plan?.plan.splits.length, committed: committed.map },
      reduce: { tasks: plan?.plan.settings.reducers, committed: committed.reduce },
      failedAttempts: committed.failedAttempts,
      error: failure && { name: failure.name, message: failure.message, details: failure.details },
    };
    printJson(document);
  } else {
    print(`${statusLines(status, deployment.store.location).join('\n')}\n`);
    if (failure !== undefined) {
      print(`\n${errorText(failure, { paint: paintFor(process.stdout), packageRoot: PACKAGE_ROOT })}`);
    }
  }
  return phase === 'failed' ? EXIT_CODE.failed : EXIT_CODE.done;
}

export function statusLines(
  { jobId, phase, execution, plan, committed }: JobStatus,
  location: string,
): string[] {
  const paint = paintFor(process.stdout);
  const style = phase === 'succeeded' ? 'green' : phase === 'failed' ? 'red' : 'yellow';
  const facts: string[][] = [];
  if (execution !== undefined) {
    const ms = (execution.stoppedAt ?? new Date()).getTime() - execution.startedAt.getTime();
    facts.push(['started', `${execution.startedAt.toISOString()}, ${formatDuration(Math.max(0, ms))}`]);
    if (execution.redrive > 0) facts.push(['redrives', formatCount(execution.redrive)]);
  }
  if (plan !== undefined) {
    const { inputFiles, inputBytes, splits, settings } = plan.plan;
    facts.push(['input', `${formatCountOf(inputFiles, 'file')}, ${formatBytes(inputBytes)}`]);
    facts.push(['map', `${formatCount(committed.map)} of ${formatCountOf(splits.length, 'task')} done`]);
    if (settings.reducers > 0) {
      facts.push([
        'reduce',
        `${formatCount(committed.reduce)} of ${formatCountOf(settings.reducers, 'task')} done`,
      ]);
    }
    if (committed.failedAttempts > 0)
      facts.push(['failed', formatCountOf(committed.failedAttempts, 'attempt')]);
    facts.push(['output', `${location}/${plan.outputPrefix}`]);
  }
  return [
    `${paint('bold', jobId)}  ${paint(style, phase)}`,
    ...tableLines(facts, ['left', 'left']).map((line) => `  ${line}`),
  ];
}

export async function waitCommand(id: string, flags: JobFlags): Promise<number> {
  const job = checkedJobId(id);
  const deployment = await connectBy(flags);
  return await waitForJob(deployment, await jobStatus(deployment, job), flags);
}

export interface ResultsFlags extends JobFlags {
  readonly download?: string;
  readonly overwrite?: boolean;
}

export async function resultsCommand(id: string, flags: ResultsFlags): Promise<number> {
  const job = checkedJobId(id);
  const deployment = await connectBy(flags);
  const { store } = deployment;
  const status = await jobStatus(deployment, job);
  await assertSucceeded(deployment, status);
  const { download: folder, overwrite = false, json, quiet } = flags;
  if (folder === undefined) {
    await printResult(deployment, status, flags);
    if (!json && !quiet) {
      const { report, outputPrefix } = await readReport(deployment, status);
      const hasPage = (await store.head(`${outputPrefix}${REPORT_NAME}`)) !== undefined;
      const own = [MANIFEST_NAME, ...(hasPage ? [REPORT_NAME] : []), SUCCESS_NAME];
      const names = [...report.parts.map(({ name }) => name), ...own];
      print(names.map((name) => `${store.location}/${outputPrefix}${name}\n`).join(''));
    }
    return EXIT_CODE.done;
  }
  const { report, outputPrefix } = await readReport(deployment, status);
  const startedMs = performance.now();
  let bytes = 0;
  let saidMs = startedMs;
  const isTalkative = !json && !quiet;
  const page = reportPage(report, { cost: await estimatedCost(deployment, status, report) });
  await downloadResults(store, {
    report,
    page,
    outputPrefix,
    folder,
    overwrite,
    onBytes: (more) => {
      bytes += more;
      if (!isTalkative || performance.now() - saidMs < 1_000) return;
      saidMs = performance.now();
      printToStderr(`downloading: ${formatBytes(bytes)}\n`);
    },
  });
  await afterDone(`the results are in ${shortPath(folder)}`, () => {
    if (json) printJson(report);
    if (!isTalkative) return;
    print(
      `${formatCountOf(report.parts.length, 'part')}, ${formatBytes(bytes)}, in ${shortPath(folder)} after ${formatDuration(performance.now() - startedMs)}; ${REPORT_NAME} tells how the job went\n`,
    );
  });
  return EXIT_CODE.done;
}

/** @throws what the job failed of; UsageError while it runs */
export async function assertSucceeded(deployment: Deployment, status: JobStatus): Promise<void> {
  const { phase, jobId } = status;
  if (phase === 'succeeded') return;
  if (phase === 'failed' || phase === 'cancelled') throw await failureOf(deployment, status);
  throw new MapReduceError(
    'UsageError',
    `job ${jobId} is still running (${phase}); it has results when all of them are there. ${deployment.commandLine(`wait ${jobId}`)}`,
  );
}

/** First the mark that attempts look for, then the end of the execution, which starts no more of them. */
export async function cancelCommand(id: string, flags: JobFlags): Promise<number> {
  const job = checkedJobId(id);
  const deployment = await connectBy(flags);
  const status = await jobStatus(deployment, job);
  const { jobId, execution } = status;
  if (execution?.status !== 'RUNNING') {
    throw new MapReduceError(
      'UsageError',
      `job ${jobId} is not running: it has ${ended(deployment, status)}`,
    );
  }
  await deployment.store.put(cancelKey(jobId), Buffer.from('{}\n'));
  await stopExecution(deployment, execution.arn);
  await untilStopped(deployment, execution);
  if (!flags.quiet) {
    await afterDone(`job ${jobId} is cancelled`, () =>
      print(
        `job ${jobId} is cancelled; attempts that still run stop within seconds. To go on from what is committed: ${deployment.commandLine(`redrive ${jobId}`)}\n`,
      ),
    );
  }
  return EXIT_CODE.done;
}

const STOPPED_WITHIN_MS = 10_000;

/** So that the next command finds it stopped. */
async function untilStopped(deployment: Deployment, { arn, redrive }: JobExecution): Promise<void> {
  const giveUpAtMs = performance.now() + STOPPED_WITHIN_MS;
  while (performance.now() < giveUpAtMs) {
    const execution = await findExecution(deployment, { arn, redrive });
    if (execution?.status !== 'RUNNING') return;
    await sleep(200);
  }
}

export interface RedriveFlags extends JobFlags {
  readonly wait?: boolean;
}

export async function redriveCommand(id: string, flags: RedriveFlags): Promise<number> {
  const job = checkedJobId(id);
  const deployment = await connectBy(flags);
  const { jobId, execution, phase } = await jobStatus(deployment, job);
  if (phase !== 'failed' && phase !== 'cancelled') {
    throw new MapReduceError(
      'UsageError',
      phase === 'succeeded'
        ? `job ${jobId} has ended well; there is nothing to go on with. To run it again, submit it again`
        : `job ${jobId} is running (${phase}). ${deployment.commandLine(`wait ${jobId}`)}`,
    );
  }
  const redrive = (execution?.redrive ?? 0) + 1;
  const started = await startExecution(deployment, { job: jobId, redrive, input: { jobId, redrive: true } });
  const start = { jobId, execution: started, plan: undefined };
  if (flags.wait) return await waitForJob(deployment, start, flags);
  if (!flags.quiet) {
    await afterDone(`job ${jobId} is running again`, () =>
      print(
        `job ${jobId} goes on from what is committed (redrive ${redrive})\n  ${deployment.commandLine(`wait ${jobId}`)}\n`,
      ),
    );
  }
  return EXIT_CODE.done;
}

function ended({ commandLine }: Deployment, { jobId: job, phase }: JobStatus): string {
  if (phase === 'succeeded') return `ended well. '${commandLine(`results ${job}`)}' shows its results`;
  const how = phase === 'cancelled' ? 'been cancelled' : 'failed';
  return `${how}, and costs nothing more. '${commandLine(`redrive ${job}`)}' goes on with it`;
}
