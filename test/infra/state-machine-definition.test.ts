import { readFileSync } from 'node:fs';
import aslValidator from 'asl-validator';
import { describe, expect, it } from 'vitest';
import { FUNCTION_DEATHS } from '../../src/aws/protocol/function-death.ts';
import { ERROR_TABLE } from '../../src/base/error-table.ts';
import { GOLDEN } from './rendered.ts';

interface State {
  readonly Type: string;
  readonly Retry?: readonly {
    readonly ErrorEquals: readonly string[];
    readonly MaxAttempts: number;
    readonly MaxDelaySeconds?: number;
    readonly JitterStrategy?: string;
  }[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  readonly ItemProcessor?: { readonly States: Readonly<Record<string, State>> };
}

const definition = GOLDEN[0].render() as { States: Record<string, State> };

/** Those of the machine and those inside of its Distributed Maps. */
const allStates = Object.entries(definition.States).flatMap(([name, state]) => [
  [name, state] as const,
  ...Object.entries(state.ItemProcessor?.States ?? {}),
]);
const tasks = allStates.filter(([, { Type }]) => Type === 'Task');

describe.each(GOLDEN)('$name', ({ file, render }) => {
  it('is the one that was reviewed; after a change: npm run update:asl, and look at the diff', () => {
    expect(render()).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });

  it('is valid Amazon States Language', () => {
    const { isValid, errorsText } = aslValidator(render());

    expect(isValid, errorsText()).toBe(true);
  });
});

/** A stage can do without its watch. */
const neededTasks = tasks.filter(([name]) => !name.startsWith('Watch'));

describe('the state machine', () => {
  it.each(neededTasks)(
    '%s retries what the engine calls retryable, and nothing that it does not',
    (_, { Retry = [] }) => {
      for (const [error, { retry }] of Object.entries(ERROR_TABLE)) {
        const retrier = Retry.find(({ ErrorEquals }) => ErrorEquals.includes(error));
        expect(retrier!.MaxAttempts > 0, error).toBe(retry !== 'never');
      }
    },
  );

  it.each(neededTasks)('%s backs off with full jitter when Lambda throttles', (_, { Retry = [] }) => {
    const retrier = Retry.find(({ ErrorEquals }) => ErrorEquals.includes('Lambda.TooManyRequestsException'));

    expect(retrier).toMatchObject({ BackoffRate: 2, JitterStrategy: 'FULL' });
    expect(retrier!.MaxDelaySeconds).toBeLessThanOrEqual(120);
  });

  it('catches the ends of functions by name wherever it catches all: States.ALL does not stand for Runtime errors', () => {
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

  it.each(['MapTask', 'ReduceTask'])('%s tells its next attempt what ended the function', (task) => {
    const [, { Retry = [], Catch = [] }] = tasks.find(([name]) => name === task)!;

    for (const error of [...FUNCTION_DEATHS, 'States.ALL']) {
      expect(Retry.filter(({ ErrorEquals }) => ErrorEquals.includes(error))).toEqual([]);
      expect(Catch.find(({ ErrorEquals }) => ErrorEquals.includes(error))).toMatchObject({
        Next: `${task}Died`,
      });
    }
  });

  it('records every failure of a step or a stage', () => {
    const able = Object.entries(definition.States).filter(
      ([, { Type }]) => Type === 'Task' || Type === 'Map',
    );
    const unrecorded = able.filter(
      ([name, state]) =>
        !['RecordFailure', 'PublishFailure', 'WatchMap', 'WatchReduce'].includes(name) &&
        !state.Catch?.some(
          ({ ErrorEquals, Next }) =>
            ErrorEquals.includes('States.ALL') && ['RecordFailure', 'PlanFailed'].includes(Next),
        ),
    );

    expect(unrecorded).toEqual([]);
  });
});
