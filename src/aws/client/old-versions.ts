/**
 * Removes versions of the functions that no job runs any more. Each deployment publishes versions and keeps those before,
 * because a running job invokes the versions that it started with. They cost nothing until they fill the storage that an
 * account has for code: 75 GB in each Region ("Lambda quotas", 2026-11).
 */
import type { FunctionConfiguration, LambdaClient } from '@aws-sdk/client-lambda';
import { mapBounded } from '../../base/map-bounded.ts';
import { callAws, isAwsError } from './aws-errors.ts';
import { clientOptions, regionOption } from './client-options.ts';
import type { Deployment } from './deployment.ts';
import { functionVersion, machineOf, machineOfExecution } from './machine.ts';

const REQUESTS_AT_ONCE_MAX = 4;
/**
 * Step Functions itself can redrive a failed execution for 14 days, from the console, and then invokes the versions of
 * that execution. Source: "Restarting state machine executions with redrive", 2026-11.
 */
const REDRIVE_MS = 14 * 24 * 3_600_000;

export interface OldVersionsOf extends Pick<Deployment, 'sfn' | 'stateMachineArn'> {
  readonly lambda: LambdaClient;
}

export async function versionsOf(stateMachineArn: string): Promise<OldVersionsOf> {
  const [{ SFNClient }, { LambdaClient }] = await Promise.all([
    import('@aws-sdk/client-sfn'),
    import('@aws-sdk/client-lambda'),
  ]);
  const options = clientOptions(regionOption(stateMachineArn));
  return { stateMachineArn, sfn: new SFNClient(options), lambda: new LambdaClient(options) };
}

/**
 * Called after each deployment.
 *
 * @param keepMs  how long a version is kept after its successor was published
 * @returns the ARNs of the versions that were removed
 */
export async function removeOldVersions(
  deployment: OldVersionsOf,
  { nowMs, keepMs = REDRIVE_MS }: { nowMs: number; keepMs?: number },
): Promise<string[]> {
  const { lambda: client } = deployment;
  const { functions } = await machineOf(deployment);
  const old = await mapBounded(functions, REQUESTS_AT_ONCE_MAX, (arn) =>
    versionsBefore(client, arn, nowMs - keepMs),
  );
  const candidates = old.flat();
  if (candidates.length === 0) return [];
  const inUse = await versionsOfRunningJobs(deployment);
  const unused = candidates.filter((arn) => !inUse.has(arn));
  await mapBounded(unused, REQUESTS_AT_ONCE_MAX, (arn) => removeVersion(client, arn));
  return unused;
}

/** ARNs of the versions before a deployed one whose successors were published before `beforeMs`. */
async function versionsBefore(client: LambdaClient, deployed: string, beforeMs: number): Promise<string[]> {
  const { paginateListVersionsByFunction } = await import('@aws-sdk/client-lambda');
  const { version } = functionVersion(deployed);
  if (version === undefined) return [];
  const name = deployed.slice(0, -`:${version}`.length);
  const published: FunctionConfiguration[] = [];
  await callAws({ action: 'lambda:ListVersionsByFunction', on: name }, async () => {
    for await (const { Versions = [] } of paginateListVersionsByFunction(
      { client },
      { FunctionName: name },
    )) {
      published.push(...Versions.filter(({ Version }) => Version !== '$LATEST'));
    }
  });
  published.sort((a, b) => Number(a.Version) - Number(b.Version));
  return published
    .slice(
      0,
      published.findIndex(({ FunctionArn }) => FunctionArn === deployed),
    )
    .filter((_, index) => Date.parse(published[index + 1]!.LastModified!) < beforeMs)
    .map(({ FunctionArn }) => FunctionArn!);
}

async function versionsOfRunningJobs(deployment: OldVersionsOf): Promise<Set<string>> {
  const { sfn, stateMachineArn } = deployment;
  const { paginateListExecutions } = await import('@aws-sdk/client-sfn');
  const running: string[] = [];
  await callAws({ action: 'states:ListExecutions', on: stateMachineArn }, async () => {
    const question = { stateMachineArn, statusFilter: 'RUNNING' as const };
    for await (const { executions = [] } of paginateListExecutions({ client: sfn }, question)) {
      running.push(...executions.map(({ executionArn }) => executionArn!));
    }
  });
  const machines = await mapBounded(running, REQUESTS_AT_ONCE_MAX, (arn) =>
    machineOfExecution(deployment, arn),
  );
  return new Set(machines.flatMap((machine) => machine?.functions ?? []));
}

async function removeVersion(client: LambdaClient, arn: string): Promise<void> {
  const { DeleteFunctionCommand } = await import('@aws-sdk/client-lambda');
  const Qualifier = functionVersion(arn).version;
  // Without a version this would delete the function.
  if (Qualifier === undefined) throw new Error(`${arn} names no version`);
  await callAws({ action: 'lambda:DeleteFunction', on: arn }, async () => {
    try {
      await client.send(
        new DeleteFunctionCommand({ FunctionName: arn.slice(0, -`:${Qualifier}`.length), Qualifier }),
      );
    } catch (error) {
      if (!isAwsError(error, 'ResourceNotFoundException')) throw error;
    }
  });
}
