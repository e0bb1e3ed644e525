import { describe, expect, test } from 'vitest';
import { readDefinition } from '../../../src/aws/client/machine.ts';

describe('what the definition of the state machine says', () => {
  test('is its functions, how its children run, and how many at once', () => {
    const definition = {
      States: {
        Plan: { Parameters: { FunctionName: 'plan' } },
        MapStage: {
          MaxConcurrency: 40,
          ItemProcessor: {
            ProcessorConfig: { ExecutionType: 'EXPRESS' },
            States: { MapTask: { Parameters: { FunctionName: 'map' } } },
          },
        },
      },
    };

    expect(readDefinition(JSON.stringify(definition))).toEqual({
      mapFunction: 'map',
      reduceFunction: undefined,
      stepFunctions: { Plan: 'plan' },
      watchMachine: undefined,
      isExpress: true,
      maxConcurrency: 40,
    });
  });
});
