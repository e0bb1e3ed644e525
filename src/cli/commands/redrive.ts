/** `mapreduce redrive`: resumes a job that failed or was cancelled. */
import { redriveJob } from '../../aws/client/job-control.ts';
import { afterDone } from '../display/standard-streams.ts';
import { print } from '../display/terminal.ts';
import { connectToJob, type DeploymentFlags } from '../flags/deployment-flags.ts';
import type { OutputFlags } from '../flags/output-flags.ts';
import { EXIT_CODE } from '../process/exit-code.ts';
import { waitForJob } from './wait.ts';

export interface RedriveFlags extends DeploymentFlags, OutputFlags {
  readonly wait?: boolean;
  readonly allowOtherCode?: boolean;
}

export async function redriveCommand(id: string, flags: RedriveFlags): Promise<number> {
  const { deployment, status } = await connectToJob(id, flags);
  const start = await redriveJob(deployment, status, { allowOtherCode: flags.allowOtherCode === true });
  if (flags.wait) return await waitForJob(deployment, start, flags);
  if (!flags.quiet) {
    const { jobId, execution } = start;
    await afterDone(`job ${jobId} is running again`, () =>
      print(
        `job ${jobId} resumes from what is committed (redrive ${execution.redrive})\n  ${deployment.commandLine(`wait ${jobId}`)}\n`,
      ),
    );
  }
  return EXIT_CODE.done;
}
