/** `mapreduce logs`: what functions and state machines logged about one job, ordered by time. */
import { jobLogs } from '../../aws/client/job-logs.ts';
import { formatCount, formatCountOf } from '../../base/quantities.ts';
import { shownLine } from '../display/log-line.ts';
import { paintFor } from '../display/paint.ts';
import { print, printJsonLine, printToStderr } from '../display/terminal.ts';
import { connectToJob, type DeploymentFlags } from '../flags/deployment-flags.ts';
import { parseWholeNumber } from '../flags/flag-values.ts';
import { EXIT_CODE } from '../process/exit-code.ts';

export interface LogsFlags extends DeploymentFlags {
  readonly errors?: boolean;
  readonly limit?: string;
  readonly json?: boolean;
}

const LIMIT_DEFAULT = '1000';
const LIMIT_MAX = 100_000;

export async function logsCommand(id: string, flags: LogsFlags): Promise<number> {
  const limit = parseWholeNumber('--limit', flags.limit ?? LIMIT_DEFAULT, { min: 1, max: LIMIT_MAX });
  const { deployment, status } = await connectToJob(id, flags);
  const logs = await jobLogs(deployment, status, { areErrorsOnly: flags.errors === true, limit });
  for (const { message } of logs.refused) printToStderr(`not read: ${message}\n`);
  const paint = paintFor(process.stdout);
  for (const { message, at } of logs.lines) {
    if (flags.json) printJsonLine(message);
    else print(`${shownLine(message, paint, at)}\n`);
  }
  if (logs.areMore) printToStderr(`${leftOut(limit, flags)}\n`);
  if (logs.lines.length === 0) {
    printToStderr(
      `no ${flags.errors ? 'warnings or errors' : 'lines'} about job ${status.jobId} in ${formatCountOf(logs.groupsRead, 'log group')}. Lines appear some seconds after they are written, and are kept for the retention of the deployment\n`,
    );
  }
  return EXIT_CODE.done;
}

function leftOut(limit: number, { errors }: LogsFlags): string {
  const more = [
    ...(limit < LIMIT_MAX ? [`--limit <lines> shows up to ${formatCount(LIMIT_MAX)}`] : []),
    ...(errors ? [] : ['--errors only warnings and errors']),
  ];
  return `these are the first ${formatCountOf(limit, 'line')}; later ones are left out${more.length === 0 ? '' : `: ${more.join(', ')}`}`;
}
