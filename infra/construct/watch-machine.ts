import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { TASK_FUNCTIONS } from '../machine/stages.ts';
import { watchDefinition } from '../machine/watch-definition.ts';
import {
  grantInvoke,
  type LoggedMachine,
  type MachineProps,
  machine,
  machineRole,
} from './machine-resource.ts';
import type { StepFunctions } from './step-functions.ts';

/** The watch machine as a resource, and its permissions. */
export function watchMachine(
  scope: Construct,
  id: string,
  { functions, ...props }: Omit<MachineProps, 'definition'> & { functions: StepFunctions },
): LoggedMachine {
  const role = machineRole(scope, id);
  grantInvoke(role, functions.versionArns(['watch', ...TASK_FUNCTIONS]));
  const definition = watchDefinition({ partition: Stack.of(scope).partition });
  return machine(scope, id, { ...props, role, definition });
}
