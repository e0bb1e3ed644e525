/** The state machine as it is reviewed: names in the place of ARNs that only a deployment knows. */

import { FUNCTION_NAMES, type FunctionName, pascalCase } from '../../infra/function-names.ts';
import { stateMachineDefinition } from '../../infra/state-machine-definition.ts';

export const GOLDEN_FILE = new URL('./state-machine.asl.json', import.meta.url);

export function renderedDefinition(): string {
  const functions = Object.fromEntries(
    FUNCTION_NAMES.map((name) => [
      name,
      `arn:aws:lambda:us-east-1:123456789012:function:${pascalCase(name)}`,
    ]),
  ) as Record<FunctionName, string>;
  const definition = stateMachineDefinition({
    functions,
    bucket: 'the-bucket',
    partition: 'aws',
    maxConcurrency: 800,
    childExecutions: 'STANDARD',
    taskTimeoutSeconds: 900,
    stepTimeoutSeconds: 900,
  });
  return `${JSON.stringify(definition, undefined, 2)}\n`;
}
