import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import { ServiceError, type Services, type World } from '../../../simulation/services.ts';
import type { Execution } from '../../../simulation/step-functions/step-functions.ts';
import { StepFunctions } from '../../../simulation/step-functions/step-functions.ts';
import { VirtualClock } from '../../../simulation/virtual-clock.ts';
import {
  type Expected,
  inputOf,
  MACHINE_CASES,
  type MachineCase,
  type ScriptedEvent,
  scripted,
} from './machine-cases.ts';

const FUNCTION = 'arn:aws:lambda:us-east-1:123456789012:function:scripted';

describe('the simulated Step Functions', () => {
  it.each(MACHINE_CASES.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const { execution } = await runCase(one);

    expect(outcomeOf(execution)).toEqual(one.expected);
  });

  it.each([1, 3])('runs at most %i iterations at once, if MaxConcurrencyPath says so', async (atOnce) => {
    const iteration = { Type: 'Wait', Seconds: 10, End: true };
    const { virtualMs } = await runCase({
      name: 'waves',
      definition: () => ({
        StartAt: 'Each',
        States: {
          Each: {
            Type: 'Map',
            ItemsPath: '$.items',
            MaxConcurrencyPath: '$.atOnce',
            ItemProcessor: { StartAt: 'One', States: { One: iteration } },
            End: true,
          },
        },
      }),
      input: { atOnce, items: [0, 1, 2] },
      expected: { status: 'SUCCEEDED', entered: [] },
    });

    expect(Math.round(virtualMs / 10_000)).toBe(3 / atOnce);
  });
});

async function runCase(one: MachineCase): Promise<{ execution: Execution; virtualMs: number }> {
  const clock = new VirtualClock();
  const world: World = {
    clock,
    random: seededRandom(1),
    now: () => new Date(Date.UTC(2026, 0, 1) + clock.nowMs()),
  };
  const objects = new Map(Object.entries(one.objects ?? {}));
  const stepFunctions = new StepFunctions({ world, services: services(world, objects) });
  const otherMachine = stepFunctions.putStateMachine(
    'other',
    JSON.stringify({ StartAt: 'Done', States: { Done: { Type: 'Succeed' } } }),
  );
  const parts = { functionArn: FUNCTION, bucket: 'bucket', otherMachine };
  const definition = JSON.stringify(one.definition(parts));
  const stateMachineArn = stepFunctions.putStateMachine('case', definition);
  const input = inputOf(one, parts);
  const { executionArn } = await stepFunctions.startExecution({ stateMachineArn, input });
  const execution = stepFunctions.execution(executionArn);
  await clock.run(execution.ended);
  return { execution, virtualMs: clock.nowMs() };
}

/** The function of the cases, see scripted(). */
function services({ clock }: World, objects: ReadonlyMap<string, unknown>): Services {
  return {
    async invoke(functionArn, payload) {
      if (functionArn !== FUNCTION)
        throw new ServiceError('Lambda.ResourceNotFoundException', 'Function not found');
      const { act, result } = scripted(payload as ScriptedEvent);
      await new Promise<void>((resolve) => clock.after(act === 'sleep' ? 4_000 : 10, resolve));
      if (act === 'exit') throw new ServiceError('Runtime.ExitError', '{"errorType":"Runtime.ExitError"}');
      if (!act.startsWith('throw ')) return result;
      const errorType = act.slice(6);
      throw new ServiceError(errorType, JSON.stringify({ errorType, errorMessage: 'on purpose' }));
    },
    async getObject(_, key) {
      const found = objects.get(key);
      if (found === undefined) throw new ServiceError('States.ItemReaderFailed', `${key} does not exist`);
      return Buffer.from(JSON.stringify(found));
    },
    async putEvents() {},
  };
}

function outcomeOf({ status, output, error, cause, history }: Execution): Expected {
  const entered = history.entered;
  if (status !== 'FAILED') return { status: status as Expected['status'], output, entered };
  const { errorType } = cause?.startsWith('{') ? (JSON.parse(cause) as { errorType?: string }) : {};
  const causeType =
    errorType === undefined || errorType.startsWith('Runtime.') ? {} : { causeType: errorType };
  return { status, error: error!, ...causeType, entered };
}
