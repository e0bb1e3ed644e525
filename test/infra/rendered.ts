/** The machines as they are reviewed: names in the place of ARNs that only a deployment knows. */
import { FUNCTION_NAMES, type FunctionName, pascalCase } from '../../infra/functions/function-names.ts';
import { stateMachineDefinition } from '../../infra/machine/state-machine-definition.ts';
import { watchDefinition } from '../../infra/machine/watch-definition.ts';

export interface Golden {
  readonly name: string;
  readonly file: URL;
  readonly render: () => unknown;
}

export const GOLDEN: readonly Golden[] = [
  {
    name: 'the state machine',
    file: new URL('./state-machine.asl.json', import.meta.url),
    render: () =>
      plain(
        stateMachineDefinition({
          comment: 'MapReduce: plan, map, barrier, reduce, barrier, commit',
          functions: Object.fromEntries(FUNCTION_NAMES.map((name) => [name, functionArn(name)])) as Record<
            FunctionName,
            string
          >,
          watchMachine: 'arn:aws:states:us-east-1:123456789012:stateMachine:Watch',
          bucket: 'the-bucket',
          partition: 'aws',
          maxConcurrency: 800,
          childExecutions: 'STANDARD',
          taskTimeoutSeconds: 900,
          stepTimeoutSeconds: 900,
        }),
      ),
  },
  {
    name: 'the watch machine',
    file: new URL('./watch-machine.asl.json', import.meta.url),
    render: () =>
      plain(
        watchDefinition({
          watchFunction: functionArn('watch'),
          mapFunction: functionArn('map'),
          reduceFunction: functionArn('reduce'),
          partition: 'aws',
        }),
      ),
  },
];

function functionArn(name: FunctionName): string {
  return `arn:aws:lambda:us-east-1:123456789012:function:${pascalCase(name)}`;
}

/** As it is after the way through JSON. */
function plain(definition: unknown): unknown {
  return JSON.parse(JSON.stringify(definition));
}
