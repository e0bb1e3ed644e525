/** `mapreduce jobs`: the latest jobs of a deployment, newest first. */
import { type ListedJob, latestJobs } from '../../aws/client/job-list.ts';
import { formatDuration } from '../../base/quantities.ts';
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
/** The size of one page of Step Functions. */
const LIMIT_MAX = 1_000;

export async function jobsCommand(flags: JobsFlags): Promise<number> {
  const limit = parseWholeNumber('--limit', flags.limit ?? LIMIT_DEFAULT, { min: 1, max: LIMIT_MAX });
  const deployment = await connectBy(flags);
  const jobs = await latestJobs(deployment, limit);
  const { commandLine } = deployment;
  print(
    flags.json
      ? `${JSON.stringify(jobs, null, 2)}\n`
      : `${jobLines(jobs, { paint: paintFor(process.stdout), commandLine }).join('\n')}\n`,
  );
  return EXIT_CODE.done;
}

function jobLines(
  jobs: readonly ListedJob[],
  { paint, commandLine }: { paint: Paint; commandLine: (command: string) => string },
): string[] {
  if (jobs.length === 0) return [`no jobs yet: ${commandLine('submit <app> --input <path>...')}`];
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
