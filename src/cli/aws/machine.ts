/** What the state machine itself says of a deployment: its functions, and how its children run. */
import { callAws } from './aws-errors.ts';
import type { Deployment } from './deployment.ts';

export interface Machine {
  /** ARNs or names. */
  readonly mapFunction: string | undefined;
  readonly reduceFunction: string | undefined;
  readonly stepFunction: string | undefined;
  readonly isExpress: boolean;
  readonly maxConcurrency: number;
}

export async function machineOf({ sfn, stateMachineArn }: Deployment): Promise<Machine> {
  const { DescribeStateMachineCommand } = await import('@aws-sdk/client-sfn');
  const { definition = '{}' } = await callAws(
    { action: 'states:DescribeStateMachine', on: stateMachineArn },
    () => sfn.send(new DescribeStateMachineCommand({ stateMachineArn })),
  );
  return readDefinition(definition);
}

/** Of the state machine of infra/state-machine-definition.ts. */
export function readDefinition(definition: string): Machine {
  const { States: states = {} } = JSON.parse(definition) as { States?: Record<string, unknown> };
  const stage = JSON.stringify(states.MapStage ?? {});
  const functionIn = (state: unknown) => /"FunctionName":"([^"]+)"/.exec(JSON.stringify(state ?? {}))?.[1];
  return {
    mapFunction: functionIn(states.MapStage),
    reduceFunction: functionIn(states.ReduceStage),
    stepFunction: functionIn(states.Plan),
    isExpress: stage.includes('"ExecutionType":"EXPRESS"'),
    maxConcurrency: Number(/"MaxConcurrency":(\d+)/.exec(stage)?.[1] ?? 1_000),
  };
}
