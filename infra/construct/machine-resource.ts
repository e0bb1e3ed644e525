/** What both machines are made of: a role, logs, tracing. And the ARNs of their executions, for policies. */
import { ArnFormat, Fn, type RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { Machine } from '../machine/asl.ts';
import { acknowledgeWildcard } from './nag.ts';

export interface MachineProps {
  readonly definition: Machine;
  readonly encryptionKey: IKey | undefined;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

export interface LoggedMachine {
  readonly stateMachine: StateMachine;
  readonly logGroup: LogGroup;
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
): LoggedMachine {
  const stack = Stack.of(scope);
  const logGroup = new LogGroup(scope, `${id}Logs`, {
    // Log deliveries of Step Functions need this prefix, lest the account's resource policy outgrow its limit; so
    // CloudFormation cannot make the name up.
    logGroupName: `/aws/vendedlogs/states/${stack.stackName}-${id}-${scope.node.addr.slice(-8)}-${stackInstance(stack)}`,
    retention: logRetention,
    removalPolicy,
    ...(encryptionKey === undefined ? {} : { encryptionKey }),
  });
  const stateMachine = new StateMachine(scope, id, {
    stateMachineType: StateMachineType.STANDARD,
    definitionBody: DefinitionBody.fromString(stack.toJsonString(definition)),
    role,
    tracingEnabled: true,
    logs: { destination: logGroup, level: LogLevel.ALL, includeExecutionData: false },
  });
  return { stateMachine, logGroup };
}

/** Of each stack another, though of the same name: logs that one has left behind are not in the way of the next. */
function stackInstance({ stackId }: Stack): string {
  // arn:aws:cloudformation:<region>:<account>:stack/<name>/<uuid>
  return Fn.select(2, Fn.split('/', stackId));
}

/** Those that were started by whoever may, not children. */
export function executionsOf(stateMachine: StateMachine): string {
  return statesArn(stateMachine, 'execution', ':*');
}

/** Children of its Distributed Maps: after its name they have the map's label. */
export function childExecutionsOf(stateMachine: StateMachine): string {
  return statesArn(stateMachine, 'execution', '/*');
}

/** The same for children of type EXPRESS: `express:<machine>/<label>:<child>:<uuid>`. */
export function expressChildrenOf(stateMachine: StateMachine): string {
  return statesArn(stateMachine, 'express', '/*');
}

/** The runs of its Distributed Maps. */
export function mapRunsOf(stateMachine: StateMachine): string {
  return statesArn(stateMachine, 'mapRun', '/*');
}

/** From the machine's name: its ARN is a token, in which nothing can be replaced. */
function statesArn(
  stateMachine: StateMachine,
  resource: 'execution' | 'express' | 'mapRun',
  part: string,
): string {
  return Stack.of(stateMachine).formatArn({
    service: 'states',
    resource,
    resourceName: `${stateMachine.stateMachineName}${part}`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}
