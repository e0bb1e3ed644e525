/** The job machine as a resource, and its permissions. */
import { type RemovalPolicy, Stack } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Policy, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { commentOf } from '../../src/aws/protocol/app-catalog.ts';
import { JOBS_PREFIX } from '../../src/aws/protocol/keys.ts';
import { byFunction, FUNCTION_NAMES } from '../functions/function-names.ts';
import { stateMachineDefinition } from '../machine/state-machine-definition.ts';
import {
  childExecutionsOf,
  executionsOf,
  expressChildrenOf,
  grantInvoke,
  type LoggedMachine,
  machine,
  machineRole,
} from './machine-resource.ts';
import { acknowledgeWildcard } from './nag.ts';
import type { CheckedProps } from './props.ts';
import { STEP_TIMEOUT, type StepFunctions } from './step-functions.ts';

export interface JobStateMachineProps extends CheckedProps {
  readonly functions: StepFunctions;
  /** The machine that looks for stragglers. */
  readonly watchMachine: StateMachine;
  readonly bucket: IBucket;
  readonly bucketKey: IKey | undefined;
  readonly encryptionKey: IKey | undefined;
  readonly removalPolicy: RemovalPolicy;
}

export function jobStateMachine(scope: Construct, id: string, props: JobStateMachineProps): LoggedMachine {
  const { functions, bucket, logRetention, removalPolicy, encryptionKey } = props;
  const stack = Stack.of(scope);
  const definition = stateMachineDefinition({
    comment: commentOf(functions.catalog),
    functions: byFunction((name) => functions.versions[name].functionArn),
    watchMachine: props.watchMachine.stateMachineArn,
    bucket: bucket.bucketName,
    partition: stack.partition,
    childExecutions: props.childExecutions,
    taskTimeoutSeconds: props.taskTimeout.toSeconds(),
    stepTimeoutSeconds: STEP_TIMEOUT.toSeconds(),
  });
  const role = machineRole(scope, id);
  grantInvoke(role, functions.versionArns(FUNCTION_NAMES));
  role.addToPolicy(
    new PolicyStatement({
      actions: ['states:StartExecution'],
      resources: [props.watchMachine.stateMachineArn],
    }),
  );
  const plans = bucket.arnForObjects(`${JOBS_PREFIX}*/plan/*`);
  role.addToPolicy(new PolicyStatement({ actions: ['s3:GetObject'], resources: [plans] }));
  acknowledgeWildcard(role, plans, 'The names of jobs are not known at synthesis.');
  props.bucketKey?.grantDecrypt(role);
  EventBus.fromEventBusArn(
    scope,
    'DefaultBus',
    stack.formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' }),
  ).grantPutEventsTo(role);
  const jobMachine = machine(scope, id, { role, definition, encryptionKey, logRetention, removalPolicy });
  grantChildExecutions(jobMachine.stateMachine, role);
  return jobMachine;
}

/**
 * A Distributed Map starts executions of its own machine, describes them and stops them. It does not need
 * RedriveExecution, because `mapreduce redrive` starts a new execution (docs/decisions/0006-coordination.md). The
 * policy is separate: the machine depends on the default policy of its role, so that policy cannot refer to the
 * machine.
 *
 * Source: "IAM policies for using Distributed Map states" in the Step Functions guide.
 */
function grantChildExecutions(stateMachine: StateMachine, role: Role): void {
  // Both types, whatever childExecutions is: when it changes, running jobs keep the type that they started with.
  const executions = [
    executionsOf(stateMachine),
    childExecutionsOf(stateMachine),
    expressChildrenOf(stateMachine),
  ];
  const policy = new Policy(stateMachine, 'ChildExecutions', {
    roles: [role],
    statements: [
      new PolicyStatement({ actions: ['states:StartExecution'], resources: [stateMachine.stateMachineArn] }),
      new PolicyStatement({
        actions: ['states:DescribeExecution', 'states:StopExecution'],
        resources: executions,
      }),
    ],
  });
  for (const arn of executions)
    acknowledgeWildcard(policy, arn, 'Step Functions generates the names of child executions.');
}
