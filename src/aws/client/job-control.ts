/** Stops a running job, and resumes one that was stopped or failed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MapReduceError } from '../../base/errors.ts';
import { cancelKey } from '../protocol/keys.ts';
import type { Deployment } from './deployment.ts';
import { findExecution, type JobExecution, startExecution, stopExecution } from './executions.ts';
import type { JobStart, JobStatus } from './job-status.ts';

const STOPPED_WITHIN_MS = 10_000;
const STOPPED_LOOK_MS = 200;

/**
 * Sets the mark that attempts look for, then ends the execution, which starts no more of them. Attempts that still run
 * stop within seconds.
 *
 * @throws UsageError for a job that is not running
 */
export async function cancelJob(deployment: Deployment, status: JobStatus): Promise<void> {
  const { jobId, execution } = status;
  if (execution?.status !== 'RUNNING') {
    throw new MapReduceError(
      'UsageError',
      `job ${jobId} is not running: it has ${ended(deployment, status)}`,
    );
  }
  await deployment.store.put(cancelKey(jobId), Buffer.from('{}\n'));
  await stopExecution(deployment, execution.arn);
  await untilStopped(deployment, execution);
}

/** So that the next command finds it stopped. */
async function untilStopped(deployment: Deployment, { arn, redrive }: JobExecution): Promise<void> {
  const giveUpAtMs = performance.now() + STOPPED_WITHIN_MS;
  while (performance.now() < giveUpAtMs) {
    const execution = await findExecution(deployment, { arn, redrive });
    if (execution?.status !== 'RUNNING') return;
    await sleep(STOPPED_LOOK_MS);
  }
}

function ended({ commandLine }: Deployment, { jobId: job, phase }: JobStatus): string {
  if (phase === 'succeeded') return `succeeded. '${commandLine(`results ${job}`)}' shows its results`;
  const how = phase === 'cancelled' ? 'been cancelled' : 'failed';
  return `${how}, and costs nothing more. '${commandLine(`redrive ${job}`)}' resumes it`;
}

/**
 * Starts an execution that resumes the job from what is committed.
 *
 * @throws UsageError for a job that is running or has succeeded
 */
export async function redriveJob(
  deployment: Deployment,
  { jobId, execution, phase }: JobStatus,
): Promise<JobStart & { readonly execution: JobExecution }> {
  if (phase !== 'failed' && phase !== 'cancelled') {
    throw new MapReduceError(
      'UsageError',
      phase === 'succeeded'
        ? `job ${jobId} has succeeded; there is nothing to resume. To run it again, submit it again`
        : `job ${jobId} is running (${phase}). ${deployment.commandLine(`wait ${jobId}`)}`,
    );
  }
  const redrive = (execution?.redrive ?? 0) + 1;
  const started = await startExecution(deployment, { job: jobId, redrive, input: { jobId, redrive: true } });
  return { jobId, execution: started, plan: undefined };
}
