/** What the state machine says about a deployment: its functions, its log group, and how its children run. */
import type { GetFunctionConfigurationCommandOutput } from '@aws-sdk/client-lambda';
import { fieldOf, textFieldOf } from '../../base/field-of.ts';
import { STAGES, type Stage } from '../../base/ids.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { taskStateOf, watchStateOf } from '../protocol/state-names.ts';
import { callAws, isAwsError } from './aws-errors.ts';
import { clientOptions, regionOption } from './client-options.ts';
import type { Deployment } from './deployment.ts';

export interface Machine {
  /** ARN or name of the function that runs the tasks of each stage. */
  readonly taskFunctions: Readonly<Partial<Record<Stage, string>>>;
  /** Functions of the states that call one each, by the name of the state: Plan, MapBarrier, Commit. */
  readonly stepFunctions: Readonly<Record<string, string>>;
  /** ARN of the machine that looks for stragglers. */
  readonly watchMachine: string | undefined;
  readonly isExpress: boolean;
  readonly maxConcurrency: number;
}

export async function machineOf(deployment: Deployment): Promise<Machine> {
  const { definition } = await describeMachine(deployment, deployment.stateMachineArn);
  return readDefinition(definition);
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

/** @returns undefined if the function no longer exists */
export async function functionConfiguration(
  { stateMachineArn }: Deployment,
  name: string,
): Promise<GetFunctionConfigurationCommandOutput | undefined> {
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
    watchMachine: /"StateMachineArn":"([^"]+)"/.exec(
      JSON.stringify(states[watchStateOf(firstStage)] ?? {}),
    )?.[1],
    isExpress: stage.includes('"ExecutionType":"EXPRESS"'),
    maxConcurrency: Number(/"MaxConcurrency":(\d+)/.exec(stage)?.[1] ?? 1_000),
  };
}

/** ARNs or names of the functions that a definition or one of its states calls, each once. */
export function functionsIn(states: unknown): string[] {
  const text = typeof states === 'string' ? states : JSON.stringify(states ?? {});
  return [...new Set([...text.matchAll(/"FunctionName":\s*"([^"]+)"/g)].map(([, name = '']) => name))];
}
