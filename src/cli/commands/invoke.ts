/** `mapreduce invoke`: one task of a planned job, run by the deployed function, by hand, without committing. */
import type { InvokeCommandOutput } from '@aws-sdk/client-lambda';
import { callAws, isAwsError } from '../../aws/client/aws-errors.ts';
import { type Deployment, regionOption } from '../../aws/client/deployment.ts';
import { checkedJobId, type JobStatus, jobStatus } from '../../aws/client/job-status.ts';
import { machineOf } from '../../aws/client/machine.ts';
import { assertPlanned, type NamedTask, parseTaskName } from '../../aws/client/task-name.ts';
import type { DryRun } from '../../aws/protocol/job-state.ts';
import {
  invocationReport,
  invokedFailure,
  isLambdaLine,
  type ReportedFailure,
} from '../../aws/protocol/lambda-reports.ts';
import {
  deserializeError,
  isMapReduceError,
  MapReduceError,
  repairTarget,
  type SerializedError,
} from '../../base/errors.ts';
import { formatBytes, formatCount, formatCountOf, formatDuration } from '../../base/quantities.ts';
import { parseJson } from '../../codec/parse-json.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import { shownLine } from '../display/log-line.ts';
import { paintFor, printableName } from '../display/paint.ts';
import { tableLines } from '../display/table.ts';
import { print, printJson, printToStderr } from '../display/terminal.ts';
import { connectBy, type DeploymentFlags } from '../flags/deployment-flags.ts';
import { EXIT_CODE } from '../process/exit-code.ts';

export interface InvokeFlags extends DeploymentFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

interface Invoked {
  readonly functionName: string;
  readonly answer: DryRun;
  /** The last 4 KB, as Lambda gives them. */
  readonly log: string;
}

/** @returns the exit code. Throws what the task failed of, after the end of its log has been shown. */
export async function invokeCommand(id: string, name: string, flags: InvokeFlags): Promise<number> {
  const task = parseTaskName(name);
  const job = checkedJobId(id);
  const deployment = await connectBy(flags);
  const status = await jobStatus(deployment, job);
  assertMayRun(deployment, { status, task });
  const functionName = await functionOf(deployment, task);
  if (!flags.json && !flags.quiet) {
    printToStderr(
      `${task.taskId} of job ${job} runs on ${functionName.split(':').at(-1)}, without committing\n`,
    );
  }
  const invoked = await invoke(deployment, { functionName, jobId: job, task });
  const { answer, log } = invoked;
  if (flags.json) {
    const document = { jobId: job, taskId: task.taskId, function: functionName, ...answer, log };
    printJson(document);
    return answer.error === undefined ? EXIT_CODE.done : EXIT_CODE.failed;
  }
  if (answer.result !== undefined && !flags.quiet) print(resultText(answer.result, invoked));
  if (log !== '' && !flags.quiet) print(`${logText(log)}\n`);
  if (answer.error !== undefined) throw failureOf(deployment, { status, task, answer });
  return EXIT_CODE.done;
}

/** @throws UsageError where the function could only fail */
function assertMayRun(
  { commandLine }: Deployment,
  { status, task }: { status: JobStatus; task: NamedTask },
): void {
  const { jobId: job, phase, plan } = status;
  const statusLine = commandLine(`status ${job}`);
  const usage = (text: string) => new MapReduceError('UsageError', text);
  if (plan === undefined) {
    throw usage(
      phase === 'planning'
        ? `job ${job} is not planned yet, so it has no tasks. Try again in some seconds; '${statusLine}' says where it is`
        : `job ${job} has no plan on the bucket: it ${phase === 'failed' ? 'failed before it was planned' : 'ended before it was planned'}, or its plan has expired (they are kept for 90 days unless the deployment says otherwise). '${statusLine}' says how it ended`,
    );
  }
  assertPlanned(task, plan.plan);
  if (task.stage === 'map') return;
  if (phase === 'map') {
    throw usage(`reduce tasks of job ${job} can run when its map stage has ended; it is still in it`);
  }
  if (phase === 'succeeded') throw usage(shuffleGone(job, 'it is removed when a job ends well'));
}

function shuffleGone(job: string, why: string): string {
  return `the shuffle of job ${job}, which its reduce tasks read, is not there: ${why}. Its map tasks can be run by hand all the same; to look at a reduce task, submit the job again and invoke the task while it runs, or after it failed`;
}

async function functionOf(deployment: Deployment, { stage }: NamedTask): Promise<string> {
  const machine = await machineOf(deployment);
  const name = stage === 'map' ? machine.mapFunction : machine.reduceFunction;
  if (name !== undefined) return name;
  throw new MapReduceError(
    'UsageError',
    `the state machine ${deployment.stateMachineArn} names no function for ${stage} tasks: it is not of mapreduce. Choose another with --stack or --state-machine`,
  );
}

async function invoke(
  deployment: Deployment,
  { functionName, jobId, task }: { functionName: string; jobId: string; task: NamedTask },
): Promise<Invoked> {
  const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  // An answer that is lost on the way is no reason to run a task of minutes once more.
  const client = new LambdaClient({ ...regionOption(deployment.stateMachineArn), maxAttempts: 1 });
  const response = await callAws({ action: 'lambda:InvokeFunction', on: functionName }, async () => {
    try {
      return await client.send(
        new InvokeCommand({
          FunctionName: functionName,
          LogType: 'Tail',
          Payload: JSON.stringify({ jobId, item: { index: task.index }, dryRun: true }),
        }),
      );
    } catch (error) {
      if (!isAwsError(error, 'ResourceNotFoundException')) throw error;
      throw new MapReduceError(
        'UsageError',
        `there is no function ${functionName}, which the state machine names. Deploy again with '${deployment.deployLine()}'`,
        { cause: error },
      );
    }
  });
  const log = Buffer.from(response.LogResult ?? '', 'base64')
    .toString('utf8')
    .trimEnd();
  return { functionName, log, answer: answerOf(response, { task, deployLine: deployment.deployLine() }) };
}

function answerOf(
  { FunctionError, Payload }: InvokeCommandOutput,
  { task, deployLine }: { task: NamedTask; deployLine: string },
): DryRun {
  const text = Buffer.from(Payload ?? []).toString('utf8') || 'null';
  if (FunctionError !== undefined) {
    const failure = invokedFailure(FunctionError, text);
    return { dryRun: true, elapsedMs: 0, error: errorOf(failure, task) };
  }
  const payload: unknown = parseJson(text);
  if (typeof payload === 'object' && payload !== null && 'dryRun' in payload) return payload as DryRun;
  throw new MapReduceError(
    'UsageError',
    `the deployed function knows no dry run, and has run task ${task.taskId} as one more attempt: safe, since only one attempt commits. Deploy again with '${deployLine}' to run tasks without committing`,
  );
}

function errorOf(failure: ReportedFailure, { taskId }: NamedTask): SerializedError {
  switch (failure.kind) {
    case 'thrown':
      return failure.error;
    case 'death':
      return { name: failure.death.name, message: failure.death.message, details: { taskId } };
    case 'tasks-failed':
    case 'other': {
      const said = failure.kind === 'other' ? `: ${failure.name}: ${failure.message}` : '';
      return {
        name: 'WorkerDiedError',
        message: `the function ended without an answer${said}`,
        details: { taskId },
      };
    }
  }
}

function resultText(result: TaskResult, { answer, log }: Invoked): string {
  const paint = paintFor(process.stdout);
  const { recordsRead, bytesRead, recordsWritten, bytesWritten, spills, bytesSpilled, counters } = result;
  const facts = [
    ['read', `${formatCountOf(recordsRead, 'record')}, ${formatBytes(bytesRead)}`],
    ['written', `${formatCountOf(recordsWritten, 'record')}, ${formatBytes(bytesWritten)}, and not kept`],
    ['spills', spills === 0 ? '0' : `${formatCount(spills)} (${formatBytes(bytesSpilled)})`],
    ['time', [formatDuration(answer.elapsedMs), ...reported(log)].join(', ')],
    ...Object.entries(counters).map(([name, count]) => [printableName(name), formatCount(count)]),
  ];
  return `${paint('bold', result.taskId)}  ${paint('green', 'ran to its end')}\n${tableLines(facts, [
    'left',
    'left',
  ])
    .map((line) => `  ${line}\n`)
    .join('')}`;
}

function reported(log: string): string[] {
  const { billedMs, memory } = invocationReport(log);
  return [
    ...(billedMs === undefined ? [] : [`${formatDuration(billedMs)} billed`]),
    ...(memory === undefined ? [] : [`${memory.usedMb} of ${memory.sizeMb} MB of memory`]),
  ];
}

/** Without Lambda's frame and the metrics: what remains is the task's. */
function logText(log: string): string {
  const paint = paintFor(process.stdout);
  const lines = log
    .split('\n')
    .filter((line) => !isLambdaLine(line) && !line.includes('"_aws":{'))
    .map((line) => `  ${shownLine(line, paint)}`);
  return [paint('dim', 'log'), ...(lines.length === 0 ? ['  (nothing)'] : lines)].join('\n');
}

function failureOf(
  { store }: Deployment,
  { status, task, answer }: { status: JobStatus; task: NamedTask; answer: DryRun },
): MapReduceError {
  const { jobId: job, plan } = status;
  const error = deserializeError(answer.error!);
  const known = isMapReduceError(error) ? error : undefined;
  const { phase: _phase, file, ...details } = known?.details ?? {};
  const isShuffleGone =
    repairTarget(error) === 'shuffle-index' && isMapReduceError(error.cause, 'ObjectNotFoundError');
  const message = isShuffleGone
    ? shuffleGone(
        job,
        'the map stage has not ended, or it has expired since (after a week unless the deployment says otherwise)',
      )
    : `${error.name}: ${error.message}`;
  return new MapReduceError(known?.name ?? 'TaskFailedError', message, {
    details: {
      taskId: task.taskId,
      ...details,
      ...(file === undefined ? {} : { file: `${store.location}/${file}` }),
      jobName: plan!.plan.settings.jobName,
      jobId: job,
    },
  });
}
