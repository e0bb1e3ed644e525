/** `mapreduce logs`: what the functions logged about one job, in the order of time. */
import { MapReduceError } from '../../errors.ts';
import { mapBounded } from '../../map-bounded.ts';
import { EXIT_CODE } from '../exit-code.ts';
import { parseWholeNumber } from '../flag-values.ts';
import { paintFor } from '../paint.ts';
import { callAws } from './aws-errors.ts';
import { clientOptions, clientRegion, connect, type DeploymentFlags, stackNameOf } from './deployment.ts';
import { checkedJobId, jobStatus } from './job-status.ts';
import { shownLine } from './log-line.ts';

export interface LogsFlags extends DeploymentFlags {
  readonly errors?: boolean;
  readonly limit?: string;
  readonly json?: boolean;
}

const LIMIT_DEFAULT = '1000';
const LIMIT_MAX = 100_000;
const GROUPS_AT_ONCE_MAX = 4;
/** Clocks of functions and of Step Functions differ by less. */
const CLOCKS_DIFFER_MS = 60_000;

interface LogLine {
  readonly at: number;
  readonly group: string;
  readonly message: string;
}

export async function logsCommand(id: string, flags: LogsFlags): Promise<number> {
  const limit = parseWholeNumber('--limit', flags.limit ?? LIMIT_DEFAULT, { min: 1, max: LIMIT_MAX });
  const deployment = await connect(flags);
  const { jobId, execution, plan } = await jobStatus(deployment, checkedJobId(id));
  const startedAt = plan === undefined ? execution?.startedAt : new Date(plan.plannedAt);
  const groups = await logGroups(stackNameOf(flags));
  const { CloudWatchLogsClient } = await import('@aws-sdk/client-cloudwatch-logs');
  const client = new CloudWatchLogsClient(clientOptions(clientRegion()));
  const found = await mapBounded(groups, GROUPS_AT_ONCE_MAX, (group) =>
    linesOf(client, { group, jobId, fromMs: (startedAt?.getTime() ?? 0) - CLOCKS_DIFFER_MS, limit }),
  );
  const lines = found
    .flat()
    .filter(({ message }) => !flags.errors || /"level":"(ERROR|CRITICAL|WARN)"/.test(message))
    .sort((a, b) => a.at - b.at);
  const paint = paintFor(process.stdout);
  for (const line of lines.slice(0, limit))
    process.stdout.write(`${flags.json ? line.message : shownLine(line.message, paint, line.at)}\n`);
  if (lines.length === 0) {
    process.stderr.write(
      `no lines about job ${jobId} in ${groups.length} log groups. Lines appear some seconds after they are written, and are kept for the retention of the deployment\n`,
    );
  }
  return EXIT_CODE.done;
}

/** Their names are made up by CloudFormation. */
async function logGroups(stackName: string): Promise<string[]> {
  const { CloudFormationClient, paginateListStackResources } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient(clientOptions(clientRegion()));
  const call = { action: 'cloudformation:ListStackResources', on: `the stack ${stackName}` };
  return await callAws(call, async () => {
    const names: string[] = [];
    for await (const page of paginateListStackResources({ client }, { StackName: stackName })) {
      for (const { ResourceType, PhysicalResourceId } of page.StackResourceSummaries ?? []) {
        if (ResourceType === 'AWS::Logs::LogGroup' && PhysicalResourceId) names.push(PhysicalResourceId);
      }
    }
    if (names.length > 0) return names;
    throw new MapReduceError(
      'UsageError',
      `the stack ${stackName} has no log groups. Name another with --stack`,
    );
  });
}

async function linesOf(
  client: InstanceType<typeof import('@aws-sdk/client-cloudwatch-logs').CloudWatchLogsClient>,
  { group, jobId, fromMs, limit }: { group: string; jobId: string; fromMs: number; limit: number },
): Promise<LogLine[]> {
  const { paginateFilterLogEvents } = await import('@aws-sdk/client-cloudwatch-logs');
  const question = { logGroupName: group, startTime: Math.max(0, fromMs), filterPattern: `"${jobId}"` };
  return await callAws({ action: 'logs:FilterLogEvents', on: group }, async () => {
    const lines: LogLine[] = [];
    for await (const { events = [] } of paginateFilterLogEvents({ client }, question)) {
      for (const { timestamp = 0, message = '' } of events) {
        // Emulators do not know every filter.
        if (message.includes(jobId)) lines.push({ at: timestamp, group, message: message.trimEnd() });
      }
      if (lines.length >= limit) break;
    }
    return lines;
  });
}
