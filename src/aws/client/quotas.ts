/**
 * Compares a deployment with the quotas of its account before anything runs. Nothing is refused: a quota may be raised in
 * the meantime, and Lambda queues what exceeds it.
 */
import { LAMBDA_FACTS } from '../model/facts.ts';
import { CONCURRENCY_VARIABLE } from '../protocol/concurrency.ts';
import { callAws, isAccessDenied } from './aws-errors.ts';
import { clientOptions, regionOption } from './client-options.ts';
import type { Deployment } from './deployment.ts';
import { functionConfiguration, machineOf } from './machine.ts';

export interface AccountQuotas {
  /** Functions that run at the same time in the Region. */
  readonly concurrency: number;
  /** The part of it that no function has reserved. */
  readonly unreserved: number;
}

export interface Demand {
  readonly maxConcurrency: number;
  /** Of map and of reduce functions each; undefined if nothing is reserved. */
  readonly reservedConcurrency?: number | undefined;
  /** Undefined if it is not known. */
  readonly taskMemoryMb?: number | undefined;
}

/** Lambda keeps this much for functions that reserve nothing. */
const UNRESERVED_MIN = LAMBDA_FACTS.unreservedConcurrencyMin.value;
/** An account with less is a new one, whose other quotas are reduced too. */
const CONCURRENCY_DEFAULT = LAMBDA_FACTS.accountConcurrency.value;
const NEW_ACCOUNT_MEMORY_MB = LAMBDA_FACTS.memoryMbMaxNew.value;

/**
 * @returns undefined on an emulator, whose quota is the memory of this machine, and if the caller may not ask, which
 *     neither deploying nor submitting needs
 */
export async function accountQuotas(region: {
  readonly region?: string;
}): Promise<AccountQuotas | undefined> {
  if (process.env.AWS_ENDPOINT_URL !== undefined) return undefined;
  const { GetAccountSettingsCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  const client = new LambdaClient(clientOptions(region));
  try {
    const { AccountLimit } = await callAws({ action: 'lambda:GetAccountSettings', on: '*' }, () =>
      client.send(new GetAccountSettingsCommand({})),
    );
    const { ConcurrentExecutions: concurrency, UnreservedConcurrentExecutions: unreserved } =
      AccountLimit ?? {};
    if (concurrency === undefined) return undefined;
    return { concurrency, unreserved: unreserved ?? concurrency };
  } catch (error) {
    if (isAccessDenied(error)) return undefined;
    throw error;
  }
}

/** Says what exceeds a quota, what happens then, and what to do; one text for each. */
export function quotaNotices(
  { maxConcurrency, reservedConcurrency, taskMemoryMb }: Demand,
  { concurrency, unreserved }: AccountQuotas,
): string[] {
  const notices: string[] = [];
  const raise = 'request an increase of "Concurrent executions" (Service Quotas, Lambda)';
  if (reservedConcurrency === undefined && maxConcurrency > unreserved) {
    notices.push(
      `a job runs up to ${maxConcurrency} functions at the same time (maxConcurrency), and the account at most ${unreserved} that are not reserved for others. Tasks beyond that wait, each retry costs a state transition, and other functions of the account are throttled. Deploy with --context maxConcurrency=${Math.max(1, Math.floor(unreserved / 2))}, or ${raise}`,
    );
  }
  if (reservedConcurrency !== undefined && 2 * reservedConcurrency > concurrency - UNRESERVED_MIN) {
    const most = Math.max(0, Math.floor((concurrency - UNRESERVED_MIN) / 2));
    const advice =
      most === 0
        ? 'Reserve nothing'
        : `Reserve at most ${most}${most < maxConcurrency ? `, with --context maxConcurrency=${most} or less` : ''}`;
    notices.push(
      `reservedConcurrency reserves ${reservedConcurrency} functions each for map and reduce. The account has ${concurrency}, of which Lambda keeps ${UNRESERVED_MIN} unreserved, so the deployment may fail. ${advice}, or ${raise}`,
    );
  }
  if (
    taskMemoryMb !== undefined &&
    taskMemoryMb > NEW_ACCOUNT_MEMORY_MB &&
    concurrency < CONCURRENCY_DEFAULT
  ) {
    notices.push(
      `taskMemoryMb is ${taskMemoryMb}. The account seems new, because its concurrency is ${concurrency}; new accounts may use at most ${NEW_ACCOUNT_MEMORY_MB} MB for a function. If the deployment fails, use at most that much, or ask AWS Support for more`,
    );
  }
  return notices;
}

/**
 * For `submit`. It never fails, because the job starts whatever it finds.
 *
 * @param requested  the maxConcurrency of the request
 */
export async function deploymentNotices(
  deployment: Pick<Deployment, 'sfn' | 'stateMachineArn'>,
  requested: number | undefined,
): Promise<string[]> {
  try {
    const quotas = await accountQuotas(regionOption(deployment.stateMachineArn));
    if (quotas === undefined) return [];
    const { stepFunctions } = await machineOf(deployment);
    if (stepFunctions.Plan === undefined) return [];
    const plan = await functionConfiguration(deployment, stepFunctions.Plan);
    const deployed = Number(plan?.Environment?.Variables?.[CONCURRENCY_VARIABLE] ?? 0);
    const maxConcurrency = Math.min(requested ?? deployed, deployed);
    // What is not reserved for others may be reserved for this deployment.
    return quotaNotices({ maxConcurrency }, { ...quotas, unreserved: quotas.concurrency });
  } catch {
    return [];
  }
}
