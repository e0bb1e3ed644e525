/** What both machines are made of: a role, logs, tracing. */
import { type RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { acknowledgeWildcard } from './nag.ts';

export interface MachineProps {
  readonly definition: unknown;
  readonly encryptionKey: IKey | undefined;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

export function machineRole(scope: Construct, id: string): Role {
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('states.amazonaws.com') });
  acknowledgeWildcard(role, '*', 'Log deliveries and X-Ray belong to an account, not to a resource.');
  return role;
}

export function machine(
  scope: Construct,
  id: string,
  { role, definition, encryptionKey, logRetention, removalPolicy }: MachineProps & { role: Role },
): StateMachine {
  const stack = Stack.of(scope);
  const logs = new LogGroup(scope, `${id}Logs`, {
    // Log deliveries of Step Functions need this prefix, lest the account's resource policy outgrow its limit.
    logGroupName: `/aws/vendedlogs/states/${stack.stackName}-${id}-${scope.node.addr.slice(-8)}`,
    retention: logRetention,
    removalPolicy,
    ...(encryptionKey === undefined ? {} : { encryptionKey }),
  });
  return new StateMachine(scope, id, {
    stateMachineType: StateMachineType.STANDARD,
    definitionBody: DefinitionBody.fromString(stack.toJsonString(definition)),
    role,
    tracingEnabled: true,
    logs: { destination: logs, level: LogLevel.ALL, includeExecutionData: false },
  });
}
