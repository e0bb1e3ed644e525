/** A job until its end, as a person sees it: progress, then the summary, or the error that ended it. */

import type { Deployment } from '../../aws/client/deployment.ts';
import { failureOf, type JobStatus, readReport } from '../../aws/client/job-status.ts';
import { startOfResult } from '../../aws/client/results.ts';
import { watchJob } from '../../aws/client/watch.ts';
import { isMapReduceError } from '../../base/errors.ts';
import { FIRST_LINES_BYTES_MAX, firstLinesOf } from '../display/first-lines.ts';
import { paintFor } from '../display/paint.ts';
import { progressDisplay } from '../display/progress-display.ts';
import { afterDone } from '../display/standard-streams.ts';
import { summaryLines } from '../display/summary.ts';
import { print, printJson } from '../display/terminal.ts';
import { EXIT_CODE, exitCodeOfSignal } from '../process/exit-code.ts';
import { listenForInterrupt } from '../process/interrupt.ts';

export interface OutputFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** @returns the exit code. Throws what the job failed of. Ctrl-C ends the waiting, not the job. */
export async function waitForJob(
  deployment: Deployment,
  start: Pick<JobStatus, 'jobId' | 'execution' | 'plan'>,
  flags: OutputFlags,
): Promise<number> {
  const { json = false, quiet = false } = flags;
  const display = progressDisplay({
    stream: process.stderr,
    jobName: start.jobId,
    isQuiet: json || quiet,
    nowMs: () => performance.now(),
  });
  const interrupt = listenForInterrupt((by) =>
    display.print(
      `${by}: no longer waiting; the job goes on. ${deployment.commandLine(`wait ${start.jobId}`)}, or ${deployment.commandLine(`cancel ${start.jobId}`)}\n`,
    ),
  );
  try {
    const status = await watchJob(deployment, start, {
      onEvent: display.onEvent,
      signal: interrupt.signal,
      nowMs: () => performance.now(),
    });
    display.end();
    if (status.phase !== 'succeeded') throw await failureOf(deployment, status);
    await printResult(deployment, status, flags);
    return EXIT_CODE.done;
  } catch (error) {
    const signal = interrupt.received();
    if (signal === undefined || !isMapReduceError(error, 'CancelledError')) throw error;
    return exitCodeOfSignal(signal);
  } finally {
    display.end();
    interrupt.release();
  }
}

/** Of a job that has ended well. */
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
  const { total: cost, parts: costParts } = await estimatedCost(deployment, status, report);
  const next = commandLine(`results ${status.jobId} --download <folder>`);
  await afterDone(done, () =>
    print(
      `${[...lines, `${paint('dim', 'cost')}    ${cost}`, ...costParts.map((part) => `        ${part}`), `${paint('dim', 'next')}    ${next}`].join('\n')}\n`,
    ),
  );
}
