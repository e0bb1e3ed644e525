import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readDefinition } from '../../../src/aws/client/machine.ts';
import { STAGES } from '../../../src/base/ids.ts';

describe('the definition of the state machine', () => {
  test('gives its functions, the type of its children, and how many run at once', () => {
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
      taskFunctions: { map: 'map' },
      stepFunctions: { Plan: 'plan' },
      watchMachine: undefined,
      functions: ['plan', 'map'],
      isExpress: true,
      maxConcurrency: 40,
    });
  });

  test('is complete as infra writes it', () => {
    const golden = new URL('../../infra/state-machine.asl.json', import.meta.url);

    const machine = readDefinition(readFileSync(golden, 'utf8'));

    expect(Object.keys(machine.stepFunctions)).toEqual(
      expect.arrayContaining(['Plan', 'MapBarrier', 'ReduceBarrier', 'Commit']),
    );
    expect([...STAGES.map((stage) => machine.taskFunctions[stage]), machine.watchMachine]).not.toContain(
      undefined,
    );
  });
});
