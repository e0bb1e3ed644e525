/** `mapreduce wait`: shows the progress of a job until it ends, then its summary or its error. */
import type { Deployment } from '../../aws/client/deployment.ts';
import { failureOf } from '../../aws/client/job-outcome.ts';
import type { JobStart } from '../../aws/client/job-status.ts';
import { watchJob } from '../../aws/client/watch.ts';
import { isMapReduceError } from '../../base/errors.ts';
import { progressDisplay } from '../display/progress-display.ts';
import { connectToJob, type DeploymentFlags } from '../flags/deployment-flags.ts';
import type { OutputFlags } from '../flags/output-flags.ts';
import { EXIT_CODE, exitCodeOfSignal } from '../process/exit-code.ts';
import { listenForInterrupt } from '../process/interrupt.ts';
import { printResult } from './print-result.ts';

export async function waitCommand(id: string, flags: DeploymentFlags & OutputFlags): Promise<number> {
  const { deployment, status } = await connectToJob(id, flags);
  return await waitForJob(deployment, status, flags);
}

/** @returns the exit code. Throws the error that the job failed with. Ctrl-C ends the waiting, not the job. */
export async function waitForJob(
  deployment: Deployment,
  start: JobStart,
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
      `${by}: no longer waiting; the job continues. ${deployment.commandLine(`wait ${start.jobId}`)}, or ${deployment.commandLine(`cancel ${start.jobId}`)}\n`,
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
