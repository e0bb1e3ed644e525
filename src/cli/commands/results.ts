/** `mapreduce results`: the results of a job, shown or downloaded. */
import type { Deployment } from '../../aws/client/deployment.ts';
import { estimatedCost } from '../../aws/client/estimated-cost.ts';
import { assertSucceeded, readReport } from '../../aws/client/job-outcome.ts';
import type { JobStatus } from '../../aws/client/job-status.ts';
import { downloadResults } from '../../aws/client/results.ts';
import { formatBytes, formatCountOf, formatDuration } from '../../base/quantities.ts';
import { reportPage } from '../../report/page/page.ts';
import {
  ATTEMPTS_NAME,
  BAD_RECORDS_NAME,
  MANIFEST_NAME,
  REPORT_NAME,
  SUCCESS_NAME,
} from '../../report/result-names.ts';
import { costText } from '../display/cost-text.ts';
import { eachSecond } from '../display/each-second.ts';
import { shortPath } from '../display/short-path.ts';
import { afterDone } from '../display/standard-streams.ts';
import { print, printJson, printToStderr } from '../display/terminal.ts';
import { connectToJob, type DeploymentFlags } from '../flags/deployment-flags.ts';
import type { OutputFlags } from '../flags/output-flags.ts';
import { EXIT_CODE } from '../process/exit-code.ts';
import { printResult } from './print-result.ts';

export interface ResultsFlags extends DeploymentFlags, OutputFlags {
  readonly download?: string;
  readonly overwrite?: boolean;
}

export async function resultsCommand(id: string, flags: ResultsFlags): Promise<number> {
  const { deployment, status } = await connectToJob(id, flags);
  await assertSucceeded(deployment, status);
  const { download: folder } = flags;
  if (folder === undefined) await show(deployment, status, flags);
  else await download(deployment, status, { ...flags, folder });
  return EXIT_CODE.done;
}

/** The summary, then a line for each object of the result. */
async function show(deployment: Deployment, status: JobStatus, flags: OutputFlags): Promise<void> {
  await printResult(deployment, status, flags);
  if (flags.json || flags.quiet) return;
  const { store } = deployment;
  const { report, outputPrefix } = await readReport(deployment, status);
  const present = async (name: string) =>
    (await store.head(`${outputPrefix}${name}`)) === undefined ? [] : [name];
  const reports = (await Promise.all([REPORT_NAME, ATTEMPTS_NAME].map(present))).flat();
  const bad = report.badRecords === undefined ? [] : [BAD_RECORDS_NAME];
  const own = [MANIFEST_NAME, ...reports, ...bad, SUCCESS_NAME];
  const names = [...report.parts.map(({ name }) => name), ...own];
  print(names.map((name) => `${store.location}/${outputPrefix}${name}\n`).join(''));
}

async function download(
  deployment: Deployment,
  status: JobStatus,
  { folder, overwrite = false, json, quiet }: ResultsFlags & { folder: string },
): Promise<void> {
  const { report, outputPrefix } = await readReport(deployment, status);
  const startedMs = performance.now();
  const isTalkative = !json && !quiet;
  let bytes = 0;
  const say = eachSecond(() => printToStderr(`downloading: ${formatBytes(bytes)}\n`));
  const page = reportPage(report, { cost: costText(await estimatedCost(deployment, status, report)) });
  await downloadResults(deployment.store, {
    report,
    page,
    outputPrefix,
    folder,
    overwrite,
    onBytes: (more) => {
      bytes += more;
      if (isTalkative) say();
    },
  });
  await afterDone(`the results are in ${shortPath(folder)}`, () => {
    if (json) printJson(report);
    if (!isTalkative) return;
    print(
      `${formatCountOf(report.parts.length, 'part')}, ${formatBytes(bytes)}, in ${shortPath(folder)} after ${formatDuration(performance.now() - startedMs)}; ${REPORT_NAME} shows how the job went\n`,
    );
  });
}
