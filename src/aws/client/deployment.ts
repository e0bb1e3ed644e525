/**
 * The deployed stack that a command works with: named by --bucket and --state-machine (or their variables), or found by
 * the outputs of its CloudFormation stack. Region, credentials and endpoint come from the environment.
 */
import type { SFNClient } from '@aws-sdk/client-sfn';
import { MapReduceError } from '../../base/errors.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { assertEnvironment } from './aws-environment.ts';
import { clientOptions, regionOption } from './client-options.ts';
import type { CommandLines, DeploymentTarget } from './deployment-target.ts';
import { useLocalEndpoint } from './local-endpoint.ts';
import { findStack, stackOutput } from './stack.ts';

export interface Deployment extends CommandLines {
  readonly bucket: string;
  readonly stateMachineArn: string;
  /** The bucket. */
  readonly store: ObjectStore;
  readonly sfn: SFNClient;
  /** Absent if the target names the bucket and the state machine, so that no stack is needed. */
  readonly stackName?: string;
}

export const STACK_NAME_DEFAULT = 'MapReduce';

export function stackNameOf({ stack }: DeploymentTarget): string {
  return stack ?? process.env.MAPREDUCE_STACK ?? STACK_NAME_DEFAULT;
}

/** @throws UsageError if there is no such stack, or mapreduce did not deploy it */
export async function connect(target: DeploymentTarget, lines: CommandLines): Promise<Deployment> {
  assertEnvironment();
  if (target.local) useLocalEndpoint();
  const { bucket, stateMachineArn, ...found } = await resourcesOf(target, lines);
  checkArn(stateMachineArn);
  const [{ SFNClient }, { createS3Client }, { S3Store }] = await Promise.all([
    import('@aws-sdk/client-sfn'),
    import('../../storage/s3/s3-client.ts'),
    import('../../storage/s3/s3-store.ts'),
  ]);
  const region = regionOption(stateMachineArn);
  return {
    bucket,
    stateMachineArn,
    store: new S3Store({ bucket, client: createS3Client(region) }),
    sfn: new SFNClient({ ...clientOptions(region), maxAttempts: POLL_ATTEMPTS_MAX }),
    ...found,
    ...lines,
  };
}

/** Looks for the stack only if neither the target nor the environment names both. */
async function resourcesOf(
  target: DeploymentTarget,
  lines: CommandLines,
): Promise<Pick<Deployment, 'bucket' | 'stateMachineArn' | 'stackName'>> {
  const named = target.bucket ?? process.env.MAPREDUCE_BUCKET;
  const machine = target.stateMachine ?? process.env.MAPREDUCE_STATE_MACHINE;
  const bucketName = (name: string) => name.replace(/^s3:\/\//, '').replace(/\/$/, '');
  if (named !== undefined && machine !== undefined) {
    return { bucket: bucketName(named), stateMachineArn: machine };
  }
  const outputs = await stackOutputs(target, lines);
  return {
    bucket: bucketName(named ?? outputs.bucket),
    stateMachineArn: machine ?? outputs.stateMachineArn,
    stackName: stackNameOf(target),
  };
}

/** Waiting polls, so a throttled call is worth several attempts. */
const POLL_ATTEMPTS_MAX = 6;
async function stackOutputs(
  target: DeploymentTarget,
  { deployLine }: CommandLines,
): Promise<{ bucket: string; stateMachineArn: string }> {
  const stackName = stackNameOf(target);
  const { stack, region } = await findStack(stackName);
  if (stack === undefined) throw noSuchStack(stackName, { region, deployLine: deployLine() });
  const bucket = stackOutput(stack, 'BucketName');
  const stateMachineArn = stackOutput(stack, 'StateMachineArn');
  if (bucket === undefined || stateMachineArn === undefined) {
    throw new MapReduceError(
      'UsageError',
      `the stack ${stackName} (${stack.StackStatus}) has no outputs BucketName and StateMachineArn: mapreduce did not deploy it, or its deployment has not succeeded. Deploy it with '${deployLine()}', choose another with --stack, or name --bucket and --state-machine`,
    );
  }
  return { bucket, stateMachineArn };
}

function noSuchStack(
  stackName: string,
  { region, deployLine }: { region: string; deployLine: string },
): MapReduceError {
  const { AWS_ENDPOINT_URL: endpoint, AWS_PROFILE: profile } = process.env;
  const where = [
    `the region ${region}`,
    ...(endpoint === undefined ? [] : [`at ${endpoint}`]),
    ...(profile === undefined ? [] : [`with the profile ${profile}`]),
  ].join(' ');
  return new MapReduceError(
    'UsageError',
    `there is no stack '${stackName}' in ${where}. Deploy it with '${deployLine}'; if it is elsewhere, set AWS_REGION and AWS_PROFILE, or name it with --stack`,
  );
}

function checkArn(arn: string): void {
  if (/^arn:[^:]+:states:[^:]+:\d+:stateMachine:[^:]+$/.test(arn)) return;
  throw new MapReduceError(
    'UsageError',
    `--state-machine is an ARN such as arn:aws:states:us-east-1:123456789012:stateMachine:Name; received '${arn}'`,
  );
}
