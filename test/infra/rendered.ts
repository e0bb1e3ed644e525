/** Renders the machines for review, with invented ARNs, because only a deployment knows the real ones. */
import { byFunction, pascalCase } from '../../infra/functions/function-names.ts';
import type { Machine } from '../../infra/machine/asl.ts';
import { stateMachineDefinition } from '../../infra/machine/state-machine-definition.ts';
import { watchDefinition } from '../../infra/machine/watch-definition.ts';

export interface Golden {
  readonly name: string;
  readonly file: URL;
  readonly render: () => Machine;
}

const FUNCTIONS = byFunction(
  (name) => `arn:aws:lambda:us-east-1:123456789012:function:${pascalCase(name)}:1`,
);

export const GOLDEN: readonly Golden[] = [
  {
    name: 'the state machine',
    file: new URL('./state-machine.asl.json', import.meta.url),
    render: () =>
      plain(
        stateMachineDefinition({
          comment: 'MapReduce: plan, map, barrier, reduce, barrier, commit',
          functions: FUNCTIONS,
          watchMachine: 'arn:aws:states:us-east-1:123456789012:stateMachine:Watch',
          bucket: 'the-bucket',
          partition: 'aws',
          childExecutions: 'STANDARD',
          taskTimeoutSeconds: 900,
          stepTimeoutSeconds: 900,
        }),
      ),
  },
  {
    name: 'the watch machine',
    file: new URL('./watch-machine.asl.json', import.meta.url),
    render: () => plain(watchDefinition({ partition: 'aws' })),
  },
];

/** Returns the value as it is after it was written as JSON and read back. */
function plain(definition: Machine): Machine {
  return JSON.parse(JSON.stringify(definition));
}
