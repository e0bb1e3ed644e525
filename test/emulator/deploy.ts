/** Creates Lambda functions, roles and state machines without CloudFormation, for tests of single behaviours. */

import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { CreateStateMachineCommand, DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { strToU8, zipSync } from 'fflate';

import { until } from './helpers/until.ts';
import { type EmulatorUnderTest, uniqueName } from './with-emulator.ts';

export interface Statement {
  Effect?: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
}

export const EVERYTHING: Statement = { Action: '*', Resource: '*' };

export async function createRole(
  emulator: EmulatorUnderTest,
  service: 'lambda' | 'states' | 'events',
  statements: Statement[] = [EVERYTHING],
): Promise<string> {
  const iam = new IAMClient(emulator.clientConfig);
  const RoleName = uniqueName(service);
  const trust = {
    Effect: 'Allow',
    Principal: { Service: `${service}.amazonaws.com` },
    Action: 'sts:AssumeRole',
  };
  const role = await iam.send(
    new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: policyDocument([trust]) }),
  );
  const allowed = statements.map((statement) => ({ Effect: 'Allow', ...statement }));
  await iam.send(
    new PutRolePolicyCommand({ RoleName, PolicyName: 'inline', PolicyDocument: policyDocument(allowed) }),
  );
  return role.Role!.Arn!;
}

export interface FunctionOptions {
  /** File name -> source. The handler is index.handler. */
  files: Record<string, string>;
  role: string;
  memorySizeMb?: number;
  timeoutS?: number;
  variables?: Record<string, string>;
  logGroup?: string;
}

export async function createFunction(emulator: EmulatorUnderTest, options: FunctionOptions) {
  const lambda = new LambdaClient(emulator.clientConfig);
  const FunctionName = uniqueName('function');
  const zip = zipSync(
    Object.fromEntries(Object.entries(options.files).map(([name, text]) => [name, strToU8(text)])),
  );
  const created = await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: options.role,
      Runtime: 'nodejs24.x' as never,
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Code: { ZipFile: zip },
      MemorySize: options.memorySizeMb ?? 256,
      Timeout: options.timeoutS ?? 300,
      Environment: { Variables: options.variables ?? {} },
      ...(options.logGroup && { LoggingConfig: { LogGroup: options.logGroup } }),
    }),
  );
  await waitUntilFunctionActiveV2(
    { client: lambda, maxWaitTime: 300, minDelay: 0.2, maxDelay: 1 },
    { FunctionName },
  );
  return { name: FunctionName, arn: created.FunctionArn! };
}

export interface Invoked {
  /** The parsed payload: the result, or an object with errorType, errorMessage and trace. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the function under test returned
  payload: any;
  failed: boolean;
  elapsedMs: number;
}

export async function invoke(
  emulator: EmulatorUnderTest,
  functionName: string,
  event: unknown,
): Promise<Invoked> {
  const lambda = new LambdaClient({ ...emulator.clientConfig, maxAttempts: 1 });
  const startedAt = performance.now();
  const answer = await lambda.send(
    new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(event) }),
  );
  return {
    payload: JSON.parse(answer.Payload!.transformToString()),
    failed: answer.FunctionError !== undefined,
    elapsedMs: performance.now() - startedAt,
  };
}

export async function createStateMachine(emulator: EmulatorUnderTest, definition: unknown): Promise<string> {
  const sfn = new SFNClient(emulator.clientConfig);
  const created = await sfn.send(
    new CreateStateMachineCommand({
      name: uniqueName('machine'),
      roleArn: await createRole(emulator, 'states'),
      definition: JSON.stringify(definition),
    }),
  );
  return created.stateMachineArn!;
}

export async function untilEnded(emulator: EmulatorUnderTest, executionArn: string) {
  const sfn = new SFNClient(emulator.clientConfig);
  return await until(`the end of ${executionArn}`, async () => {
    const execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    return execution.status === 'RUNNING' ? undefined : execution;
  });
}

function policyDocument(statements: unknown[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}
