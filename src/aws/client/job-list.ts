/** The latest jobs of a deployment, however they were started. */
import type { ExecutionListItem } from '@aws-sdk/client-sfn';
import { mapBounded } from '../../base/map-bounded.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { derivedJobId, parseStartEvent } from '../protocol/start-event.ts';
import { callAws } from './aws-errors.ts';
import type { Deployment } from './deployment.ts';
import { parsedOutput } from './executions.ts';

const DESCRIPTIONS_AT_ONCE_MAX = 8;
const STATES: Readonly<Record<string, string>> = { ABORTED: 'cancelled', TIMED_OUT: 'timed out' };

export interface ListedJob {
  readonly jobId: string;
  /** `running`, `succeeded`, `failed`, `cancelled` or `timed out`. */
  readonly state: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly ms: number;
  /** `submit`, `redrive`, or the key of the object that started the job. */
  readonly by: string;
}

/** @returns jobs of the latest `limit` executions, newest first; executions that started no job are left out */
export async function latestJobs(deployment: Deployment, limit: number): Promise<ListedJob[]> {
  const executions = await listExecutions(deployment, limit);
  const found = await mapBounded(executions, DESCRIPTIONS_AT_ONCE_MAX, (execution) =>
    describeJob(deployment, execution),
  );
  return found.filter((job) => job !== undefined);
}

async function listExecutions(
  { sfn, stateMachineArn }: Deployment,
  limit: number,
): Promise<ExecutionListItem[]> {
  const { ListExecutionsCommand } = await import('@aws-sdk/client-sfn');
  const { executions = [] } = await callAws({ action: 'states:ListExecutions', on: stateMachineArn }, () =>
    sfn.send(new ListExecutionsCommand({ stateMachineArn, maxResults: limit })),
  );
  return executions;
}

/** Takes one request per job, because a listing contains neither the input nor the output of an execution. */
async function describeJob(
  { sfn }: Deployment,
  { executionArn, name, status, startDate, stopDate }: ExecutionListItem,
): Promise<ListedJob | undefined> {
  const { DescribeExecutionCommand } = await import('@aws-sdk/client-sfn');
  const { input = '{}', output } = await callAws(
    { action: 'states:DescribeExecution', on: executionArn! },
    () => sfn.send(new DescribeExecutionCommand({ executionArn })),
  );
  const answer = parsedOutput(output);
  // The execution of a duplicate event, or of an event that starts no job.
  if (answer.next === 'end') return undefined;
  const { jobId, by } = startOf(parseJson(input), name!);
  return {
    jobId: answer.jobId || jobId,
    state: STATES[status!] ?? status!.toLowerCase(),
    startedAt: startDate!.toISOString(),
    ms: Math.max(0, (stopDate ?? new Date()).getTime() - startDate!.getTime()),
    by,
  };
}

function startOf(input: unknown, name: string): { jobId: string; by: string } {
  try {
    const start = parseStartEvent(input);
    switch (start.kind) {
      case 'submit':
        return { jobId: start.jobId, by: 'submit' };
      case 'redrive':
        return { jobId: start.jobId, by: 'redrive' };
      case 'upload':
      case 'request-object':
        return { jobId: derivedJobId(start), by: start.object.key };
      case 'ignored':
        return { jobId: name, by: start.why };
    }
  } catch {
    return { jobId: name, by: 'an unknown input' };
  }
}
