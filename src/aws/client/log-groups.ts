/**
 * The log groups of a deployment, as its two state machines and its functions name them. So no stack is needed to find
 * them, and logs of others are never read. Takes one request per machine and function.
 */
import { mapBounded } from '../../base/map-bounded.ts';
import type { Deployment } from './deployment.ts';
import { describeMachine, functionConfiguration, functionVersion, readDefinition } from './machine.ts';

const REQUESTS_AT_ONCE_MAX = 4;

/** Makes a call, and returns undefined if AWS denies access. */
export type Attempt = <T>(ask: () => Promise<T>) => Promise<T | undefined>;

/** @throws if the caller may not describe the job machine, which names everything else */
export async function logGroups(deployment: Deployment, attempt: Attempt): Promise<string[]> {
  const jobs = await describeMachine(deployment, deployment.stateMachineArn);
  const { watchMachine, functions } = readDefinition(jobs.definition);
  const watch =
    watchMachine === undefined ? undefined : await attempt(() => describeMachine(deployment, watchMachine));
  const ofFunctions = await mapBounded(functions, REQUESTS_AT_ONCE_MAX, (arn) =>
    attempt(() => groupOfFunction(deployment, arn)),
  );
  const found = [jobs.logGroup, watch?.logGroup, ...ofFunctions].filter((group) => group !== undefined);
  return [...new Set(found)];
}

/** All versions of a function log to its one group. */
async function groupOfFunction(deployment: Deployment, arn: string): Promise<string | undefined> {
  const configuration = await functionConfiguration(deployment, arn);
  if (configuration === undefined) return undefined;
  return configuration.LoggingConfig?.LogGroup ?? `/aws/lambda/${functionVersion(arn).name}`;
}
