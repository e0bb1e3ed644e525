import { readFileSync } from 'node:fs';
import aslValidator from 'asl-validator';
import { describe, expect, it } from 'vitest';
import type { Catcher, State, TaskState } from '../../infra/machine/asl.ts';
import { FUNCTION_DEATHS } from '../../src/aws/protocol/lambda-reports.ts';
import { ERROR_TABLE } from '../../src/base/error-table.ts';
import { GOLDEN } from './rendered.ts';

const definition = GOLDEN[0]!.render();

/** The states of the machine and those inside its Maps. */
const allStates = Object.entries(definition.States).flatMap(([name, state]): [string, State][] => [
  [name, state],
  ...(state.Type === 'Map' ? Object.entries(state.ItemProcessor.States) : []),
]);
const tasks = allStates.flatMap(([name, state]): [string, TaskState][] =>
  state.Type === 'Task' ? [[name, state]] : [],
);

describe.each(GOLDEN)('$name', ({ file, render }) => {
  it('equals the reviewed file; after a change, run npm run update:asl and review the diff', () => {
    expect(render()).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });

  it('is valid Amazon States Language', () => {
    const { isValid, errorsText } = aslValidator(render());

    expect(isValid, errorsText()).toBe(true);
  });
});

/** All tasks except those of the watch, which a stage does not need. */
const neededTasks = tasks.filter(([name]) => !name.startsWith('Watch'));

describe('the state machine', () => {
  it.each(neededTasks)(
    '%s retries the errors that the engine calls retryable, and no others',
    (_, { Retry }) => {
      for (const [error, { retry }] of Object.entries(ERROR_TABLE)) {
        const retrier = Retry.find(({ ErrorEquals }) => ErrorEquals.includes(error));
        expect(retrier!.MaxAttempts > 0, error).toBe(retry !== 'never');
      }
    },
  );

  it.each(neededTasks)('%s backs off with full jitter when Lambda throttles', (_, { Retry }) => {
    const retrier = Retry.find(({ ErrorEquals }) => ErrorEquals.includes('Lambda.TooManyRequestsException'));

    expect(retrier).toMatchObject({ BackoffRate: 2, JitterStrategy: 'FULL' });
    expect(retrier!.MaxDelaySeconds).toBeLessThanOrEqual(360);
  });

  it('names the deaths of functions wherever it catches all errors, because States.ALL does not match Runtime errors', () => {
    const catching = neededTasks.filter(([, { Catch = [] }]) => Catch.length > 0);

    expect(catching.map(([name]) => name)).toEqual(
      expect.arrayContaining(['Plan', 'MapBarrier', 'ReduceBarrier', 'Commit', 'RecordFailure', 'MapTask']),
    );
    for (const [name, { Catch = [] }] of catching) {
      const [deaths, all] = Catch.slice(-2);
      expect(deaths!.ErrorEquals, name).toEqual(FUNCTION_DEATHS);
      expect(all!.ErrorEquals, name).toEqual(['States.ALL']);
      expect(deaths!.Next, name).toBe(all!.Next);
    }
  });

  it.each(['MapInlineTask', 'MapTask', 'ReduceInlineTask', 'ReduceTask'])(
    '%s tells its next attempt how the function died',
    (task) => {
      const [, { Retry, Catch = [] }] = tasks.find(([name]) => name === task)!;

      for (const error of [...FUNCTION_DEATHS, 'States.ALL']) {
        expect(Retry.filter(({ ErrorEquals }) => ErrorEquals.includes(error))).toEqual([]);
        expect(Catch.find(({ ErrorEquals }) => ErrorEquals.includes(error))).toMatchObject({
          Next: `${task}Died`,
        });
      }
    },
  );

  it('records every failure of a step or a stage', () => {
    const unrecorded = Object.entries(definition.States).filter(
      ([name, state]) =>
        (state.Type === 'Task' || state.Type === 'Map') &&
        !['RecordFailure', 'PublishFailure', 'WatchMap', 'WatchReduce'].includes(name) &&
        !catchersOf(state).some(
          ({ ErrorEquals, Next }) =>
            ErrorEquals.includes('States.ALL') && ['RecordFailure', 'PlanFailed'].includes(Next),
        ),
    );

    expect(unrecorded).toEqual([]);
  });
});

function catchersOf(state: State): readonly Catcher[] {
  return 'Catch' in state ? (state.Catch ?? []) : [];
}
