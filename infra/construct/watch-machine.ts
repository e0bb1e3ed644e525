import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { byFunction } from '../functions/function-names.ts';
import { TASK_FUNCTIONS } from '../machine/stages.ts';
import { watchDefinition } from '../machine/watch-definition.ts';
import { type LoggedMachine, type MachineProps, machine, machineRole } from './machine-resource.ts';
import type { StepFunctions } from './step-functions.ts';

/** The watch machine as a resource, and its permissions. */
export function watchMachine(
  scope: Construct,
  id: string,
  { functions, ...props }: Omit<MachineProps, 'definition'> & { functions: StepFunctions },
): LoggedMachine {
  const { byName } = functions;
  const role = machineRole(scope, id);
  const resources = (['watch', ...TASK_FUNCTIONS] as const).map((name) => byName[name].functionArn);
  role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources }));
  const definition = watchDefinition({
    functions: byFunction((name) => byName[name].functionArn),
    partition: Stack.of(scope).partition,
  });
  return machine(scope, id, { ...props, role, definition });
}
