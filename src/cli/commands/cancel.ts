/** `mapreduce cancel`: stops a running job. */
import { cancelJob } from '../../aws/client/job-control.ts';
import { afterDone } from '../display/standard-streams.ts';
import { print } from '../display/terminal.ts';
import { connectToJob, type DeploymentFlags } from '../flags/deployment-flags.ts';
import type { OutputFlags } from '../flags/output-flags.ts';
import { EXIT_CODE } from '../process/exit-code.ts';

export async function cancelCommand(id: string, flags: DeploymentFlags & OutputFlags): Promise<number> {
  const { deployment, status } = await connectToJob(id, flags);
  const { jobId } = status;
  await cancelJob(deployment, status);
  if (!flags.quiet) {
    await afterDone(`job ${jobId} is cancelled`, () =>
      print(
        `job ${jobId} is cancelled; attempts that still run stop within seconds. To resume from what is committed: ${deployment.commandLine(`redrive ${jobId}`)}\n`,
      ),
    );
  }
  return EXIT_CODE.done;
}
