/** Stops a running job, and resumes one that was stopped or failed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MapReduceError } from '../../base/errors.ts';
import type { JobId } from '../../base/ids.ts';
import { assertSameCode, CODE_HASH_VARIABLE } from '../protocol/code-hash.ts';
import { findDocument, type SettingsDocument } from '../protocol/documents.ts';
import { keepAttempts } from '../protocol/job-attempts.ts';
import { cancelKey, settingsKey } from '../protocol/keys.ts';
import { isAccessDenied } from './aws-errors.ts';
import type { Deployment } from './deployment.ts';
import { findExecution, type JobExecution, startExecution, stopExecution } from './executions.ts';
import type { JobStart, JobStatus } from './job-status.ts';
import { functionConfiguration, machineOf } from './machine.ts';

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
  // The job is cancelled with or without its list of attempts.
  await keepAttempts(deployment.store, jobId).catch(() => {});
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
 * @throws UsageError for a job that is running or has succeeded; CodeChangedError if other code is deployed now and
 *     `allowOtherCode` is false
 */
export async function redriveJob(
  deployment: Deployment,
  { jobId, execution, phase }: JobStatus,
  { allowOtherCode }: { allowOtherCode: boolean },
): Promise<JobStart & { readonly execution: JobExecution }> {
  if (phase !== 'failed' && phase !== 'cancelled') {
    throw new MapReduceError(
      'UsageError',
      phase === 'succeeded'
        ? `job ${jobId} has succeeded; there is nothing to resume. To run it again, submit it again`
        : `job ${jobId} is running (${phase}). ${deployment.commandLine(`wait ${jobId}`)}`,
    );
  }
  if (!allowOtherCode) await assertDeployedCode(deployment, jobId);
  const redrive = (execution?.redrive ?? 0) + 1;
  const input = { jobId, redrive: true, ...(allowOtherCode ? { allowOtherCode } : {}) };
  const started = await startExecution(deployment, { job: jobId, redrive, input });
  return { jobId, execution: started, plan: undefined };
}

/** Skips the check if the caller may not describe the functions: the plan step repeats it. */
async function assertDeployedCode(deployment: Deployment, jobId: JobId): Promise<void> {
  const settings = await findDocument<SettingsDocument>(deployment.store, settingsKey(jobId));
  // It failed before it was planned.
  if (settings === undefined) return;
  try {
    const { stepFunctions } = await machineOf(deployment);
    if (stepFunctions.Plan === undefined) return;
    const plan = await functionConfiguration(deployment, stepFunctions.Plan);
    const deployed = plan?.Environment?.Variables?.[CODE_HASH_VARIABLE];
    if (deployed === undefined) return;
    assertSameCode({ jobId, started: settings.codeHash, deployed, deployedAt: plan?.LastModified });
  } catch (error) {
    if (!isAccessDenied(error)) throw error;
  }
}
