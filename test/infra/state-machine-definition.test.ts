import { readFileSync } from 'node:fs';
import aslValidator from 'asl-validator';
import { describe, expect, it } from 'vitest';
import { RETRYABLE_BY_ERROR_NAME } from '../../src/errors.ts';
import { GOLDEN_FILE, renderedDefinition } from './rendered.ts';

interface State {
  readonly Type: string;
  readonly Retry?: readonly {
    readonly ErrorEquals: readonly string[];
    readonly MaxAttempts: number;
    readonly JitterStrategy?: string;
  }[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  readonly ItemProcessor?: { readonly States: Readonly<Record<string, State>> };
}

const definition = JSON.parse(renderedDefinition()) as { States: Record<string, State> };

/** Those of the machine and those inside of its Distributed Maps. */
const allStates = Object.entries(definition.States).flatMap(([name, state]) => [
  [name, state] as const,
  ...Object.entries(state.ItemProcessor?.States ?? {}),
]);
const tasks = allStates.filter(([, { Type }]) => Type === 'Task');

describe('the state machine', () => {
  it('is the one that was reviewed; after a change: npm run update:asl, and look at the diff', () => {
    expect(definition).toEqual(JSON.parse(readFileSync(GOLDEN_FILE, 'utf8')));
  });

  it('is valid Amazon States Language', () => {
    const { isValid, errorsText } = aslValidator(definition);

    expect(isValid, errorsText()).toBe(true);
  });

  it.each(tasks)(
    '%s retries what the engine calls retryable, and nothing that it does not',
    (_, { Retry = [] }) => {
      for (const [error, retryable] of Object.entries(RETRYABLE_BY_ERROR_NAME)) {
        const retrier = Retry.find(({ ErrorEquals }) => ErrorEquals.includes(error));
        expect(retrier!.MaxAttempts > 0, error).toBe(retryable);
      }
    },
  );

  it.each(tasks)('%s backs off with full jitter when Lambda throttles', (_, { Retry = [] }) => {
    const retrier = Retry.find(({ ErrorEquals }) => ErrorEquals.includes('Lambda.TooManyRequestsException'));

    expect(retrier).toMatchObject({ BackoffRate: 2, MaxDelaySeconds: 60, JitterStrategy: 'FULL' });
  });

  it('records every failure of a step or a stage', () => {
    const able = Object.entries(definition.States).filter(
      ([, { Type }]) => Type === 'Task' || Type === 'Map',
    );
    const unrecorded = able.filter(
      ([name, state]) =>
        !['RecordFailure', 'PublishFailure'].includes(name) &&
        !state.Catch?.some(
          ({ ErrorEquals, Next }) =>
            ErrorEquals.includes('States.ALL') && ['RecordFailure', 'PlanFailed'].includes(Next),
        ),
    );

    expect(unrecorded).toEqual([]);
  });
});
