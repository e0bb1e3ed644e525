/**
 * The deployed stack that a command works with: named by --bucket and --state-machine (or their variables), or found by
 * the outputs of its CloudFormation stack. Region, credentials and endpoint come from the environment.
 */
import type { SFNClient } from '@aws-sdk/client-sfn';
import { MapReduceError } from '../../base/errors.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { assertEnvironment } from './aws-environment.ts';
import { callAws } from './aws-errors.ts';
import type { CommandLines, DeploymentTarget } from './deployment-target.ts';
import { regionOf, useLocalEndpoint } from './local-endpoint.ts';

export interface Deployment extends CommandLines {
  readonly bucket: string;
  readonly stateMachineArn: string;
  /** The bucket. */
  readonly store: ObjectStore;
  readonly sfn: SFNClient;
  /** Absent where bucket and state machine were named, and no stack was looked for. */
  readonly stackName?: string;
}

export const STACK_NAME_DEFAULT = 'MapReduce';

export function stackNameOf({ stack }: DeploymentTarget): string {
  return stack ?? process.env.MAPREDUCE_STACK ?? STACK_NAME_DEFAULT;
}

/** @throws UsageError where there is no such stack, or it is not one of ours */
export async function connect(target: DeploymentTarget, lines: CommandLines): Promise<Deployment> {
  assertEnvironment();
  if (target.local) useLocalEndpoint();
  const given = {
    bucket: target.bucket ?? process.env.MAPREDUCE_BUCKET,
    stateMachineArn: target.stateMachine ?? process.env.MAPREDUCE_STATE_MACHINE,
  };
  const isFound = given.bucket === undefined || given.stateMachineArn === undefined;
  const { bucket: named, stateMachineArn } =
    given.bucket === undefined || given.stateMachineArn === undefined
      ? { ...(await stackOutputs(target, lines)), ...withoutUndefined(given) }
      : { bucket: given.bucket, stateMachineArn: given.stateMachineArn };
  const bucket = named.replace(/^s3:\/\//, '').replace(/\/$/, '');
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
    ...(isFound ? { stackName: stackNameOf(target) } : {}),
    ...lines,
  };
}

/** Waiting polls: a call that is throttled is worth some patience. */
const POLL_ATTEMPTS_MAX = 6;
/** What these calls ask for takes AWS less than a second, and a busy emulator a few. */
const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 15_000;

/** For clients whose calls are short: an endpoint that takes connections and never answers is told, not waited for. */
export function clientOptions<R extends { readonly region?: string }>(region: R) {
  return {
    ...region,
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  };
}

async function stackOutputs(
  target: DeploymentTarget,
  { deployLine }: CommandLines,
): Promise<{ bucket: string; stateMachineArn: string }> {
  const stackName = stackNameOf(target);
  const noStack = (region: string) => noSuchStack(stackName, { region, deployLine: deployLine() });
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient(clientOptions(clientRegion()));
  const call = { action: 'cloudformation:DescribeStacks', on: `the stack ${stackName}` };
  const { Stacks: [stack] = [] } = await callAws(call, async () => {
    try {
      return await client.send(new DescribeStacksCommand({ StackName: stackName }));
    } catch (error) {
      if (error instanceof Error && /does not exist/.test(error.message)) {
        throw noStack(await client.config.region());
      }
      throw error;
    }
  });
  if (stack === undefined) throw noStack(await client.config.region());
  const output = (name: string) => stack.Outputs?.find(({ OutputKey }) => OutputKey === name)?.OutputValue;
  const [bucket, stateMachineArn] = [output('BucketName'), output('StateMachineArn')];
  if (bucket === undefined || stateMachineArn === undefined) {
    throw new MapReduceError(
      'UsageError',
      `the stack ${stackName} (${stack.StackStatus}) has no outputs BucketName and StateMachineArn: it is not of mapreduce, or its deployment has not ended well. Deploy it with '${deployLine()}', choose another with --stack, or name --bucket and --state-machine`,
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

/** For further clients: the region of the variables, else of the profile. */
export function clientRegion(): { region?: string } {
  const region = regionOf();
  return region === undefined ? {} : { region };
}

/** For clients beside a deployment: without a region of one's own, the state machine's. */
export function regionOption(stateMachineArn: string): { region: string } {
  return { region: regionOf() ?? regionOfArn(stateMachineArn) };
}

export function regionOfArn(arn: string): string {
  return arn.split(':')[3] ?? '';
}

function checkArn(arn: string): void {
  if (/^arn:[^:]+:states:[^:]+:\d+:stateMachine:[^:]+$/.test(arn)) return;
  throw new MapReduceError(
    'UsageError',
    `--state-machine is an ARN such as arn:aws:states:us-east-1:123456789012:stateMachine:Name; received '${arn}'`,
  );
}

function withoutUndefined<T extends object>(values: T): { [N in keyof T]?: Exclude<T[N], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [N in keyof T]?: Exclude<T[N], undefined>;
  };
}
