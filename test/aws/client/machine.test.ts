import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readDefinition } from '../../../src/aws/client/machine.ts';
import { STAGES } from '../../../src/base/ids.ts';

describe('the definition of the state machine', () => {
  test('gives its functions and the type of its children', () => {
    const definition = {
      States: {
        Plan: { Parameters: { FunctionName: 'plan' } },
        MapStage: {
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
