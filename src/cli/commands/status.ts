/** `mapreduce status`: shows the progress of a job and, if it failed, why. */
import type { Deployment } from '../../aws/client/deployment.ts';
import { failureOf } from '../../aws/client/job-outcome.ts';
import type { JobStatus } from '../../aws/client/job-status.ts';
import type { MapReduceError } from '../../base/errors.ts';
import { stageList } from '../../plan/stages.ts';
import { errorText } from '../display/error-text.ts';
import { statusLines } from '../display/job-status-lines.ts';
import { paintFor } from '../display/paint.ts';
import { print, printJson } from '../display/terminal.ts';
import { connectToJob, type DeploymentFlags } from '../flags/deployment-flags.ts';
import type { OutputFlags } from '../flags/output-flags.ts';
import { EXIT_CODE } from '../process/exit-code.ts';
import { PACKAGE_ROOT } from '../process/package-root.ts';

/** @returns exit code 1 for a failed job, so that scripts can check it */
export async function statusCommand(id: string, flags: DeploymentFlags & OutputFlags): Promise<number> {
  const { deployment, status } = await connectToJob(id, flags);
  const { phase } = status;
  const failure =
    phase === 'failed' || phase === 'cancelled' ? await failureOf(deployment, status) : undefined;
  if (flags.json) printJson(statusDocument(status, failure));
  else printStatus(deployment, status, failure);
  return phase === 'failed' ? EXIT_CODE.failed : EXIT_CODE.done;
}

function statusDocument(
  { jobId, phase, execution, plan, committed }: JobStatus,
  failure: MapReduceError | undefined,
) {
  return {
    jobId,
    phase,
    startedAt: execution?.startedAt.toISOString(),
    stoppedAt: execution?.stoppedAt?.toISOString(),
    execution: execution?.arn,
    redrives: execution?.redrive,
    output: plan?.outputPrefix,
    stages:
      plan &&
      stageList(plan.plan).map(({ stage, tasks }) => ({
        stage,
        tasks,
        committed: committed.stages[stage].tasks,
      })),
    failedAttempts: committed.failedAttempts,
    error: failure && { name: failure.name, message: failure.message, details: failure.details },
  };
}

function printStatus({ store }: Deployment, status: JobStatus, failure: MapReduceError | undefined): void {
  const paint = paintFor(process.stdout);
  print(`${statusLines(status, { location: store.location, paint }).join('\n')}\n`);
  if (failure !== undefined) print(`\n${errorText(failure, { paint, packageRoot: PACKAGE_ROOT })}`);
}
