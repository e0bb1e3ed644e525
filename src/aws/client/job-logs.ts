/** What the functions and state machines of a deployment logged about one job. */
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { fieldOf } from '../../base/field-of.ts';
import type { JobId } from '../../base/ids.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { isLambdaLine } from '../protocol/lambda-reports.ts';
import { callAws, isAccessDenied, isAwsError } from './aws-errors.ts';
import { clientOptions, regionOption } from './client-options.ts';
import type { Deployment } from './deployment.ts';
import type { JobStatus } from './job-status.ts';
import { type Attempt, logGroups } from './log-groups.ts';

const GROUPS_AT_ONCE_MAX = 4;
/** The clocks of functions and Step Functions differ by less. */
const CLOCKS_DIFFER_MS = 60_000;

export interface LogLine {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly message: string;
}

export interface JobLogs {
  /** Ordered by time. */
  readonly lines: readonly LogLine[];
  /** Whether there are later lines, beyond the limit. */
  readonly areMore: boolean;
  readonly groupsRead: number;
  /** One error per log group, function or machine that the caller may not read. */
  readonly refused: readonly Error[];
}

interface LogQuestion {
  readonly jobId: JobId;
  readonly areErrorsOnly: boolean;
  /** Lines. */
  readonly limit: number;
}

/** @throws if the caller may read none of the log groups */
export async function jobLogs(
  deployment: Deployment,
  { jobId, execution, plan }: JobStatus,
  { areErrorsOnly, limit }: Omit<LogQuestion, 'jobId'>,
): Promise<JobLogs> {
  const startedAt = plan === undefined ? execution?.startedAt : new Date(plan.plannedAt);
  const refused: Error[] = [];
  const attempt: Attempt = async (ask) => {
    try {
      return await ask();
    } catch (error) {
      if (!isAccessDenied(error)) throw error;
      refused.push(error);
      return undefined;
    }
  };
  const groups = await logGroups(deployment, attempt);
  const { CloudWatchLogsClient } = await import('@aws-sdk/client-cloudwatch-logs');
  const client = new CloudWatchLogsClient(clientOptions(regionOption(deployment.stateMachineArn)));
  const fromMs = (startedAt?.getTime() ?? 0) - CLOCKS_DIFFER_MS;
  const found = await mapBounded(groups, GROUPS_AT_ONCE_MAX, (group) =>
    attempt(() => linesOf(client, { jobId, fromMs, areErrorsOnly, limit, group })),
  );
  const read = found.filter((lines) => lines !== undefined);
  if (read.length === 0 && refused.length > 0) throw refused[0];
  const lines = read.flat().sort((a, b) => a.at - b.at);
  const areMore = lines.length > limit;
  return { lines: lines.slice(0, limit), areMore, groupsRead: read.length, refused };
}

/** By the level of its record; a line that is not a record has none. */
function isWarning(message: string): boolean {
  try {
    const level = fieldOf(parseJson(message), 'level');
    return level === 'WARN' || level === 'ERROR' || level === 'CRITICAL';
  } catch {
    return false;
  }
}

/** Returns more than `limit` lines if there are more, so that the caller can say so. */
async function linesOf(
  client: CloudWatchLogsClient,
  { group, jobId, fromMs, areErrorsOnly, limit }: LogQuestion & { fromMs: number; group: string },
): Promise<LogLine[]> {
  const { paginateFilterLogEvents } = await import('@aws-sdk/client-cloudwatch-logs');
  const question = { logGroupName: group, startTime: Math.max(0, fromMs), filterPattern: `"${jobId}"` };
  return await callAws({ action: 'logs:FilterLogEvents', on: group }, async () => {
    const lines: LogLine[] = [];
    try {
      for await (const { events = [] } of paginateFilterLogEvents({ client }, question)) {
        for (const { timestamp = 0, message = '' } of events) {
          // Emulators do not support every filter.
          if (!message.includes(jobId) || isLambdaLine(message)) continue;
          if (areErrorsOnly && !isWarning(message)) continue;
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
