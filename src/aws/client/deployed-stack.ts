/** What is in a stack that a deployment would replace. */
import { parseJson } from '../../codec/parse-json.ts';
import type { AppCatalog } from '../protocol/app-catalog.ts';
import { isAccessDenied, isAwsError } from './aws-errors.ts';
import { clientOptions, clientRegion } from './client-options.ts';
import { findStack, stackOutput } from './stack.ts';
import { deployedApps } from './submit-checks.ts';

export interface DeployedStack {
  readonly stackName: string;
  /** From the outputs of the stack, which older versions have too. */
  readonly appNames: readonly string[];
  /** Undefined if the stack does not say. */
  readonly catalog: AppCatalog | undefined;
}

/** @returns undefined if there is no such stack yet */
export async function deployedStack(stackName: string): Promise<DeployedStack | undefined> {
  const { stack } = await findStack(stackName);
  if (stack === undefined) return undefined;
  const appNames = (stack.Outputs ?? [])
    .filter(({ OutputKey: key = '' }) => /^Apps\d+$/.test(key))
    // The cast: infra writes the names of the apps into these outputs.
    .flatMap(({ OutputValue: value = '[]' }) => parseJson(value) as string[]);
  const machine = stackOutput(stack, 'StateMachineArn');
  return { stackName, appNames, catalog: machine === undefined ? undefined : await catalogFrom(machine) };
}

/** Undefined if the caller may not read it, or the state machine was deleted by hand. */
async function catalogFrom(stateMachineArn: string): Promise<AppCatalog | undefined> {
  const { SFNClient } = await import('@aws-sdk/client-sfn');
  const sfn = new SFNClient(clientOptions(clientRegion()));
  try {
    return await deployedApps({ sfn, stateMachineArn });
  } catch (error) {
    const isGone = error instanceof Error && isAwsError(error.cause, 'StateMachineDoesNotExist');
    if (isGone || isAccessDenied(error)) return undefined;
    throw error;
  }
}

const BOOTSTRAP_STACK = 'CDKToolkit';

/** Whether the account and region are prepared for cdk. */
export async function isBootstrapped(): Promise<boolean> {
  return (await findStack(BOOTSTRAP_STACK)).stack !== undefined;
}
