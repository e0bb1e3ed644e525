/** What commands print of a job that has succeeded: its summary and cost, or its report as JSON. */
import type { Deployment } from '../../aws/client/deployment.ts';
import { readReport } from '../../aws/client/job-outcome.ts';
import type { JobStatus } from '../../aws/client/job-status.ts';
import { startOfResult } from '../../aws/client/results.ts';
import { costText } from '../display/cost-text.ts';
import { FIRST_LINES_BYTES_MAX, firstLinesOf } from '../display/first-lines.ts';
import { paintFor } from '../display/paint.ts';
import { afterDone } from '../display/standard-streams.ts';
import { summaryLines } from '../display/summary.ts';
import { print, printJson } from '../display/terminal.ts';
import type { OutputFlags } from '../flags/output-flags.ts';

export async function printResult(
  deployment: Deployment,
  status: JobStatus,
  { json = false, quiet = false }: OutputFlags,
): Promise<void> {
  const { store, commandLine } = deployment;
  const { report, outputPrefix } = await readReport(deployment, status);
  const done = `job ${status.jobId} succeeded, and its result is in ${store.location}/${outputPrefix}`;
  if (json) await afterDone(done, () => printJson(report));
  if (json || quiet) return;
  const paint = paintFor(process.stdout);
  const { parts } = report;
  const first = await startOfResult(store, { outputPrefix, parts, bytesMax: FIRST_LINES_BYTES_MAX });
  const lines = summaryLines(report, {
    output: `${store.location}/${outputPrefix}`,
    firstLines: first && firstLinesOf(first.name, first.start),
    paint,
  });
  const { estimatedCost } = await import('../../aws/client/estimated-cost.ts');
  const { total: cost, parts: costParts } = costText(await estimatedCost(deployment, status, report));
  const next = commandLine(`results ${status.jobId} --download <folder>`);
  await afterDone(done, () =>
    print(
      `${[...lines, `${paint('dim', 'cost')}    ${cost}`, ...costParts.map((part) => `        ${part}`), `${paint('dim', 'next')}    ${next}`].join('\n')}\n`,
    ),
  );
}
