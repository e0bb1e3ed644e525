/**
 * What the state machine says about a deployment: its functions, its log group, and how its children run. It names a
 * version of each function, so that a job runs the code it started with.
 */
import type { GetFunctionConfigurationCommandOutput } from '@aws-sdk/client-lambda';
import { fieldOf, textFieldOf } from '../../base/field-of.ts';
import { STAGES, type Stage } from '../../base/ids.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { taskStateOf, watchStateOf } from '../protocol/state-names.ts';
import { callAws, isAwsError } from './aws-errors.ts';
import { clientOptions, regionOption } from './client-options.ts';
import type { Deployment } from './deployment.ts';

type MachineClient = Pick<Deployment, 'sfn' | 'stateMachineArn'>;

export interface Machine {
  /** ARN of the version that runs the tasks of each stage. */
  readonly taskFunctions: Readonly<Partial<Record<Stage, string>>>;
  /** ARNs of the versions of the states that call one each, by the name of the state: Plan, MapBarrier, Commit. */
  readonly stepFunctions: Readonly<Record<string, string>>;
  /** ARN of the machine that looks for stragglers. */
  readonly watchMachine: string | undefined;
  /** ARNs of all versions that a job invokes, those of its watch included; each once. */
  readonly functions: readonly string[];
  readonly isExpress: boolean;
}

export async function machineOf(deployment: MachineClient): Promise<Machine> {
  const { definition } = await describeMachine(deployment, deployment.stateMachineArn);
  return readDefinition(definition);
}

/**
 * The machine as it was when the execution started.
 *
 * @returns undefined if Step Functions no longer knows the execution
 */
export async function machineOfExecution(
  { sfn }: Pick<Deployment, 'sfn'>,
  executionArn: string,
): Promise<Machine | undefined> {
  const { DescribeStateMachineForExecutionCommand } = await import('@aws-sdk/client-sfn');
  return await callAws({ action: 'states:DescribeStateMachineForExecution', on: executionArn }, async () => {
    try {
      const { definition = '{}' } = await sfn.send(
        new DescribeStateMachineForExecutionCommand({ executionArn }),
      );
      return readDefinition(definition);
    } catch (error) {
      if (isAwsError(error, 'ExecutionDoesNotExist')) return undefined;
      throw error;
    }
  });
}

export interface DescribedMachine {
  /** Amazon States Language, as JSON. */
  readonly definition: string;
  readonly logGroup: string | undefined;
}

export async function describeMachine(
  { sfn }: Pick<Deployment, 'sfn'>,
  stateMachineArn: string,
): Promise<DescribedMachine> {
  const { DescribeStateMachineCommand } = await import('@aws-sdk/client-sfn');
  const { definition = '{}', loggingConfiguration } = await callAws(
    { action: 'states:DescribeStateMachine', on: stateMachineArn },
    () => sfn.send(new DescribeStateMachineCommand({ stateMachineArn })),
  );
  const [destination] = loggingConfiguration?.destinations ?? [];
  // arn:aws:logs:<region>:<account>:log-group:<name>:*
  const logGroup = destination?.cloudWatchLogsLogGroup?.logGroupArn?.split(':')[6];
  return { definition, logGroup };
}

export type FunctionConfiguration = Pick<
  GetFunctionConfigurationCommandOutput,
  'MemorySize' | 'EphemeralStorage' | 'Environment' | 'LastModified' | 'LoggingConfig'
>;

/** @returns undefined if the function no longer exists */
export async function functionConfiguration(
  { stateMachineArn }: Pick<Deployment, 'stateMachineArn'>,
  name: string,
): Promise<FunctionConfiguration | undefined> {
  const { GetFunctionConfigurationCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  const client = new LambdaClient(clientOptions(regionOption(stateMachineArn)));
  return await callAws({ action: 'lambda:GetFunctionConfiguration', on: name }, async () => {
    try {
      return await client.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    } catch (error) {
      if (isAwsError(error, 'ResourceNotFoundException')) return undefined;
      throw error;
    }
  });
}

/** Reads a definition as infra/machine/state-machine-definition.ts writes it. */
export function readDefinition(definition: string): Machine {
  const found = fieldOf(parseJson(definition), 'States');
  const states: Readonly<Record<string, unknown>> = typeof found === 'object' ? { ...found } : {};
  const [firstStage] = STAGES;
  const stage = JSON.stringify(states[taskStateOf(firstStage)] ?? {});
  const steps = Object.entries(states).flatMap(([name, state]) => {
    const functionName = textFieldOf(fieldOf(state, 'Parameters'), 'FunctionName');
    return functionName === undefined ? [] : [[name, functionName] as const];
  });
  return {
    taskFunctions: Object.fromEntries(
      STAGES.flatMap((each) =>
        functionsIn(states[taskStateOf(each)])
          .slice(0, 1)
          .map((name) => [each, name]),
      ),
    ),
    stepFunctions: Object.fromEntries(steps),
    watchMachine: textFieldOf(fieldOf(states[watchStateOf(firstStage)], 'Parameters'), 'StateMachineArn'),
    functions: [
      ...new Set([
        ...functionsIn(states),
        ...STAGES.flatMap((each) => functionsOfWatch(states[watchStateOf(each)])),
      ]),
    ],
    isExpress: stage.includes('"ExecutionType":"EXPRESS"'),
  };
}

/** ARNs of the versions that some states invoke themselves, each once. */
function functionsIn(states: unknown): string[] {
  const text = JSON.stringify(states ?? {});
  return [...new Set([...text.matchAll(/"FunctionName":"([^"]+)"/g)].map(([, name = '']) => name))];
}

/** ARNs of the versions that a state passes on to the watch machine. */
function functionsOfWatch(state: unknown): string[] {
  const functions = fieldOf(fieldOf(fieldOf(state, 'Parameters'), 'Input'), 'functions');
  return Object.values({ ...(typeof functions === 'object' ? functions : {}) }).filter(
    (arn) => typeof arn === 'string',
  );
}

export interface FunctionVersion {
  readonly name: string;
  /** Undefined for the function itself. */
  readonly version: string | undefined;
}

/** @param arn  `arn:aws:lambda:<region>:<account>:function:<name>:<version>`, or without the version; or a name */
export function functionVersion(arn: string): FunctionVersion {
  const [name = arn, version] = arn.startsWith('arn:') ? arn.split(':').slice(6) : arn.split(':');
  return { name, version };
}
