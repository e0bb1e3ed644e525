/** `mapreduce logs`: what functions and state machines logged about one job, in the order of time. */

import { callAws, isAccessDenied, isAwsError } from '../../aws/client/aws-errors.ts';
import { clientOptions, regionOption } from '../../aws/client/deployment.ts';
import { checkedJobId, jobStatus } from '../../aws/client/job-status.ts';
import { type Attempt, logGroups } from '../../aws/client/log-groups.ts';
import type { JobId } from '../../base/ids.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { formatCount, formatCountOf } from '../../base/quantities.ts';
import { shownLine } from '../display/log-line.ts';
import { paintFor } from '../display/paint.ts';
import { print, printJsonLine, printToStderr } from '../display/terminal.ts';
import { connectBy, type DeploymentFlags } from '../flags/deployment-flags.ts';
import { parseWholeNumber } from '../flags/flag-values.ts';
import { EXIT_CODE } from '../process/exit-code.ts';

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
  readonly message: string;
}

export async function logsCommand(id: string, flags: LogsFlags): Promise<number> {
  const limit = parseWholeNumber('--limit', flags.limit ?? LIMIT_DEFAULT, { min: 1, max: LIMIT_MAX });
  const job = checkedJobId(id);
  const deployment = await connectBy(flags);
  const { jobId, execution, plan } = await jobStatus(deployment, job);
  const startedAt = plan === undefined ? execution?.startedAt : new Date(plan.plannedAt);
  const refused: Error[] = [];
  const attempt: Attempt = async (ask) => {
    try {
      return await ask();
    } catch (error) {
      if (!isAccessDenied(error)) throw error;
      refused.push(error as Error);
      return undefined;
    }
  };
  const groups = await logGroups(deployment, attempt);
  const { CloudWatchLogsClient } = await import('@aws-sdk/client-cloudwatch-logs');
  const client = new CloudWatchLogsClient(clientOptions(regionOption(deployment.stateMachineArn)));
  const question = {
    jobId,
    fromMs: (startedAt?.getTime() ?? 0) - CLOCKS_DIFFER_MS,
    isWanted: flags.errors ? isError : () => true,
    limit,
  };
  const found = await mapBounded(groups, GROUPS_AT_ONCE_MAX, (group) =>
    attempt(() => linesOf(client, { ...question, group })),
  );
  const read = found.filter((lines) => lines !== undefined);
  if (read.length === 0 && refused.length > 0) throw refused[0];
  for (const { message } of refused) printToStderr(`not read: ${message}\n`);
  const lines = read.flat().sort((a, b) => a.at - b.at);
  const paint = paintFor(process.stdout);
  for (const line of lines.slice(0, limit))
    if (flags.json) printJsonLine(line.message);
    else print(`${shownLine(line.message, paint, line.at)}\n`);
  if (lines.length > limit) printToStderr(`${leftOut(limit, flags)}\n`);
  if (lines.length === 0) {
    printToStderr(
      `no ${flags.errors ? 'warnings or errors' : 'lines'} about job ${jobId} in ${formatCountOf(read.length, 'log group')}. Lines appear some seconds after they are written, and are kept for the retention of the deployment\n`,
    );
  }
  return EXIT_CODE.done;
}

function isError(message: string): boolean {
  return /"level":"(ERROR|CRITICAL|WARN)"/.test(message);
}

function leftOut(limit: number, { errors }: LogsFlags): string {
  const more = [
    ...(limit < LIMIT_MAX ? [`--limit <lines> shows up to ${formatCount(LIMIT_MAX)}`] : []),
    ...(errors ? [] : ['--errors only warnings and errors']),
  ];
  return `these are the first ${formatCountOf(limit, 'line')}; later ones are left out${more.length === 0 ? '' : `: ${more.join(', ')}`}`;
}

/** The first that are wanted, one more than may be shown: so that is known when there are more. */
async function linesOf(
  client: InstanceType<typeof import('@aws-sdk/client-cloudwatch-logs').CloudWatchLogsClient>,
  {
    group,
    jobId,
    fromMs,
    isWanted,
    limit,
  }: {
    group: string;
    jobId: JobId;
    fromMs: number;
    isWanted: (message: string) => boolean;
    limit: number;
  },
): Promise<LogLine[]> {
  const { paginateFilterLogEvents } = await import('@aws-sdk/client-cloudwatch-logs');
  const question = { logGroupName: group, startTime: Math.max(0, fromMs), filterPattern: `"${jobId}"` };
  return await callAws({ action: 'logs:FilterLogEvents', on: group }, async () => {
    const lines: LogLine[] = [];
    try {
      for await (const { events = [] } of paginateFilterLogEvents({ client }, question)) {
        for (const { timestamp = 0, message = '' } of events) {
          // Emulators do not know every filter.
          if (message.includes(jobId) && isWanted(message))
            lines.push({ at: timestamp, message: message.trimEnd() });
        }
        if (lines.length > limit) break;
      }
    } catch (error) {
      // A function that has never run may have no group yet.
      if (!isAwsError(error, 'ResourceNotFoundException')) throw error;
    }
    return lines;
  });
}
