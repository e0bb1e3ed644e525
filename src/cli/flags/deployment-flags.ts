/** The flags that select the deployment, which all commands on AWS share. */
import { connect, type Deployment } from '../../aws/client/deployment.ts';
import type { CommandLines, DeploymentTarget } from '../../aws/client/deployment-target.ts';
import { checkedJobId, type JobStatus, jobStatus } from '../../aws/client/job-status.ts';
import { commandLine } from '../display/command-line.ts';

export type DeploymentFlags = DeploymentTarget;

/** @throws UsageError if there is no such stack, or another program deployed it */
export async function connectBy(flags: DeploymentFlags): Promise<Deployment> {
  return await connect(flags, commandLinesFor(flags));
}

/** Checks the id before the first request to AWS. */
export async function connectToJob(
  id: string,
  flags: DeploymentFlags,
): Promise<{ readonly deployment: Deployment; readonly status: JobStatus }> {
  const job = checkedJobId(id);
  const deployment = await connectBy(flags);
  return { deployment, status: await jobStatus(deployment, job) };
}

/** Command lines about the same deployment. */
export function commandLinesFor(flags: DeploymentFlags): CommandLines {
  return {
    commandLine: (command) => commandLine(command, flags),
    deployLine: (more) => deployLine(flags, more),
  };
}

/** The command that deploys, or redeploys, the deployment that the flags select. */
export function deployLine({ stack, local }: DeploymentFlags, more = ''): string {
  const isLocal = local === true || process.env.AWS_ENDPOINT_URL !== undefined;
  return commandLine(`deploy${more}`, { local: isLocal, ...(stack === undefined ? {} : { stack }) });
}
