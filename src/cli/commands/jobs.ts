/** `mapreduce jobs`: the latest jobs of a deployment, newest first. */
import type { ExecutionListItem } from '@aws-sdk/client-sfn';
import { callAws } from '../../aws/client/aws-errors.ts';
import type { Deployment } from '../../aws/client/deployment.ts';
import { derivedJobId, parseStartEvent } from '../../aws/protocol/start-event.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { formatDuration } from '../../base/quantities.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { commandLine } from '../display/command-line.ts';
import { type Paint, paintFor, printableName } from '../display/paint.ts';
import { tableLines } from '../display/table.ts';
import { print } from '../display/terminal.ts';
import { connectBy, type DeploymentFlags } from '../flags/deployment-flags.ts';
import { parseWholeNumber } from '../flags/flag-values.ts';
import { EXIT_CODE } from '../process/exit-code.ts';

export interface JobsFlags extends DeploymentFlags {
  readonly limit?: string;
  readonly json?: boolean;
}

const LIMIT_DEFAULT = '20';
/** One page of Step Functions. */
const LIMIT_MAX = 1_000;
const DESCRIPTIONS_AT_ONCE_MAX = 8;
const STATES: Readonly<Record<string, string>> = { ABORTED: 'cancelled', TIMED_OUT: 'timed out' };

interface ListedJob {
  readonly jobId: string;
  readonly state: string;
  readonly startedAt: string;
  readonly ms: number;
  /** Submitted, uploaded, requested or redriven. */
  readonly by: string;
}

export async function jobsCommand(flags: JobsFlags): Promise<number> {
  const limit = parseWholeNumber('--limit', flags.limit ?? LIMIT_DEFAULT, { min: 1, max: LIMIT_MAX });
  const deployment = await connectBy(flags);
  const executions = await listExecutions(deployment, limit);
  const found = await mapBounded(executions, DESCRIPTIONS_AT_ONCE_MAX, (execution) =>
    describeJob(deployment, execution),
  );
  const jobs = found.filter((job) => job !== undefined);
  print(
    flags.json
      ? `${JSON.stringify(jobs, null, 2)}\n`
      : `${jobLines(jobs, { paint: paintFor(process.stdout), flags }).join('\n')}\n`,
  );
  return EXIT_CODE.done;
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

/** One request: a listing says neither what an execution was started with nor what it answered. */
async function describeJob(
  { sfn }: Deployment,
  { executionArn, name, status, startDate, stopDate }: ExecutionListItem,
): Promise<ListedJob | undefined> {
  const { DescribeExecutionCommand } = await import('@aws-sdk/client-sfn');
  const { input = '{}', output } = await callAws(
    { action: 'states:DescribeExecution', on: executionArn! },
    () => sfn.send(new DescribeExecutionCommand({ executionArn })),
  );
  const answer = output === undefined ? {} : (parseJson(output) as { jobId?: string; next?: string });
  // An event that came twice, or was none of ours.
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
    return { jobId: name, by: 'not an input of ours' };
  }
}

function jobLines(
  jobs: readonly ListedJob[],
  { paint, flags }: { paint: Paint; flags: DeploymentFlags },
): string[] {
  if (jobs.length === 0) return [`no jobs yet: ${commandLine('submit <app> --input <path>...', flags)}`];
  const rows = jobs.map(({ jobId, state, startedAt, ms, by }) => [
    printableName(jobId),
    state,
    startedAt.replace('T', ' ').slice(0, 19),
    formatDuration(ms),
    printableName(by),
  ]);
  const lines = tableLines(
    [['job', 'state', 'started (UTC)', 'time', 'started by'], ...rows],
    ['left', 'left', 'left', 'right', 'left'],
  );
  return lines.map((line, index) => (index === 0 ? paint('dim', line) : line));
}
