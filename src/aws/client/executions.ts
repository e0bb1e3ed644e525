/**
 * The executions of a job. The first is named by the claim on the bucket, or, for a job that was submitted just now, has
 * the job's id as its name; each redrive has a name derived from it, so the latest is found without a listing.
 */
import { createHash } from 'node:crypto';
import type { DescribeExecutionOutput } from '@aws-sdk/client-sfn';
import { MapReduceError } from '../../base/errors.ts';
import type { JobId } from '../../base/ids.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { type ClaimDocument, findDocument } from '../protocol/documents.ts';
import { requestKey } from '../protocol/keys.ts';
import { callAws, isAwsError } from './aws-errors.ts';
import type { Deployment } from './deployment.ts';

export interface JobExecution {
  readonly arn: string;
  /** 0 for the first, n for the n-th redrive. */
  readonly redrive: number;
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  readonly startedAt: Date;
  readonly stoppedAt: Date | undefined;
  readonly output: { readonly jobId?: JobId; readonly outputPrefix?: string; readonly next?: string };
  readonly error: string | undefined;
  readonly cause: string | undefined;
}

const NAME_CHARACTERS_MAX = 80;

/** Step Functions refuses to start a second execution of the same name, so a job id is used once. */
export function executionName(job: JobId, redrive: number): string {
  if (redrive === 0) return job;
  const suffix = `-redrive-${redrive}`;
  if (job.length + suffix.length <= NAME_CHARACTERS_MAX) return `${job}${suffix}`;
  const digest = createHash('sha256').update(job).digest('hex').slice(0, 8);
  return `${job.slice(0, NAME_CHARACTERS_MAX - suffix.length - digest.length - 1)}-${digest}${suffix}`;
}

export function executionArn(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
}

/**
 * The returned execution is not looked up, because Step Functions may not know of it for a moment.
 *
 * @throws UsageError when there has been an execution of that name
 */
export async function startExecution(
  { sfn, stateMachineArn }: Deployment,
  { job, redrive, input }: { job: JobId; redrive: number; input: unknown },
): Promise<JobExecution> {
  const name = executionName(job, redrive);
  const { StartExecutionCommand } = await import('@aws-sdk/client-sfn');
  const call = { action: 'states:StartExecution', on: stateMachineArn };
  const started = await callAws(call, async () => {
    try {
      return await sfn.send(
        new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }),
      );
    } catch (error) {
      if (isAwsError(error, 'ExecutionAlreadyExists')) throw jobIdTaken(name);
      throw error;
    }
  });
  return {
    arn: started.executionArn!,
    redrive,
    status: 'RUNNING',
    startedAt: started.startDate!,
    stoppedAt: undefined,
    output: {},
    error: undefined,
    cause: undefined,
  };
}

/** @returns undefined if there is none, or it has expired: Step Functions keeps executions for 90 days */
export async function findExecution(
  { sfn }: Deployment,
  { arn, redrive }: { arn: string; redrive: number },
): Promise<JobExecution | undefined> {
  const { DescribeExecutionCommand } = await import('@aws-sdk/client-sfn');
  const call = { action: 'states:DescribeExecution', on: arn };
  return await callAws(call, async () => {
    try {
      return toExecution(await sfn.send(new DescribeExecutionCommand({ executionArn: arn })), redrive);
    } catch (error) {
      if (isAwsError(error, 'ExecutionDoesNotExist')) return undefined;
      throw error;
    }
  });
}

/** One request for the claim, one for each execution. */
export async function latestExecution(deployment: Deployment, job: JobId): Promise<JobExecution | undefined> {
  const claim = await findDocument<ClaimDocument>(deployment.store, requestKey(job));
  const arnOf = (redrive: number) => executionArn(deployment.stateMachineArn, executionName(job, redrive));
  let latest = await findExecution(deployment, { arn: claim?.execution ?? arnOf(0), redrive: 0 });
  // A job that is running or has succeeded is not redriven.
  while (latest !== undefined && latest.status !== 'RUNNING' && latest.status !== 'SUCCEEDED') {
    const redrive: number = latest.redrive + 1;
    const next = await findExecution(deployment, { arn: arnOf(redrive), redrive });
    if (next === undefined) return latest;
    latest = next;
  }
  return latest;
}

/** ARNs of the first execution and each redrive up to the latest. Old ones may no longer exist. */
export async function executionArns(
  { store, stateMachineArn }: Deployment,
  job: JobId,
  latest: Pick<JobExecution, 'arn' | 'redrive'>,
): Promise<string[]> {
  if (latest.redrive === 0) return [latest.arn];
  const claim = await findDocument<ClaimDocument>(store, requestKey(job));
  const redrives = Array.from({ length: latest.redrive }, (_, redrive) => redrive + 1);
  return [
    claim?.execution ?? executionArn(stateMachineArn, executionName(job, 0)),
    ...redrives.map((redrive) => executionArn(stateMachineArn, executionName(job, redrive))),
  ];
}

export async function stopExecution({ sfn }: Deployment, arn: string): Promise<void> {
  const { StopExecutionCommand } = await import('@aws-sdk/client-sfn');
  await callAws({ action: 'states:StopExecution', on: arn }, () =>
    sfn.send(
      new StopExecutionCommand({ executionArn: arn, error: 'CancelledError', cause: 'mapreduce cancel' }),
    ),
  );
}

function toExecution(described: DescribeExecutionOutput, redrive: number): JobExecution {
  const { executionArn: arn, status, startDate, stopDate, output, error, cause } = described;
  return {
    arn: arn!,
    redrive,
    status: status === 'PENDING_REDRIVE' ? 'FAILED' : status!,
    startedAt: startDate!,
    stoppedAt: stopDate,
    output: parsedOutput(output),
    error,
    cause,
  };
}

/** What the state machine returned; empty while it runs, and after a failure. */
export function parsedOutput(text: string | undefined): JobExecution['output'] {
  if (text === undefined) return {};
  const output: unknown = parseJson(text);
  return typeof output === 'object' && output !== null ? output : {};
}

export function jobIdTaken(name: string): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `there is a job '${name}' already. Choose another --job-id, or omit it to generate one`,
  );
}
