/** Checks what the compiler cannot check, because the names of the states of a stage are computed. */
import { describe, expect, it } from 'vitest';
import type { Machine, State } from '../../infra/machine/asl.ts';
import { STATE_OF_STEP } from '../../infra/machine/state-names.ts';
import { GOLDEN } from './rendered.ts';

/** The machine, and the machines inside its Map states by the name of the Map state. */
function machinesIn(name: string, machine: Machine): [string, Machine][] {
  const inner = Object.entries(machine.States).flatMap(([state, definition]) =>
    definition.Type === 'Map' ? machinesIn(state, definition.ItemProcessor) : [],
  );
  return [[name, machine], ...inner];
}

function targetsOf(state: State): string[] {
  const caught = 'Catch' in state ? (state.Catch ?? []) : [];
  const chosen = state.Type === 'Choice' ? state.Choices : [];
  const next = 'Next' in state ? [state.Next] : [];
  const otherwise = state.Type === 'Choice' ? [state.Default] : [];
  return [...[...caught, ...chosen].map(({ Next }) => Next), ...next, ...otherwise].filter(
    (name) => name !== undefined,
  );
}

function danglingIn({ StartAt, States }: Machine): string[] {
  return [StartAt, ...Object.values(States).flatMap(targetsOf)].filter(
    (name) => !Object.hasOwn(States, name),
  );
}

function unreachableIn({ StartAt, States }: Machine): string[] {
  const reached = new Set([StartAt]);
  // The loop also visits what it adds to the set.
  for (const name of reached) {
    for (const target of targetsOf(States[name]!)) reached.add(target);
  }
  return Object.keys(States).filter((name) => !reached.has(name));
}

const machines = GOLDEN.flatMap(({ name, render }) => machinesIn(name, render()));

describe.each(machines)('%s', (_, machine) => {
  it('has no transition to a missing state', () => {
    expect(danglingIn(machine)).toEqual([]);
  });

  it('reaches all its states', () => {
    expect(unreachableIn(machine)).toEqual([]);
  });
});

it('the checks include the machines of the children', () => {
  expect(machines.map(([name]) => name)).toEqual([
    'the state machine',
    'MapInline',
    'MapStage',
    'ReduceInline',
    'ReduceStage',
    'the watch machine',
    'Backups',
  ]);
});

it('the checks report a missing state', () => {
  const machine: Machine = { StartAt: 'A', States: { A: { Type: 'Wait', Seconds: 1, Next: 'B' } } };

  expect(danglingIn(machine)).toEqual(['B']);
});

it('every step that a handler may name is a state of the machine', () => {
  expect(Object.values(STATE_OF_STEP).filter((name) => !Object.hasOwn(machines[0]![1].States, name))).toEqual(
    [],
  );
});

describe('the compiler rejects', () => {
  it('a transition, a start or a default that names a missing state', () => {
    const done = { Type: 'Succeed' } as const;

    // @ts-expect-error: there is no state B
    const start: Machine<'A'> = { StartAt: 'B', States: { A: done } };
    // @ts-expect-error: there is no state B
    const next: Machine<'A'> = { StartAt: 'A', States: { A: { Type: 'Wait', Seconds: 1, Next: 'B' } } };
    const otherwise: Machine<'A'> = {
      StartAt: 'A',
      // @ts-expect-error: there is no state B
      States: { A: { Type: 'Choice', Choices: [], Default: 'B' } },
    };
    // @ts-expect-error: A is missing
    const missing: Machine<'A'> = { StartAt: 'A', States: {} };

    expect([start, next, otherwise].map(danglingIn)).toEqual([['B'], ['B'], ['B']]);
    expect(danglingIn(missing)).toEqual(['A']);
  });

  it('a state with both End and Next, and a path that does not start at the root', () => {
    // @ts-expect-error: End and Next exclude each other
    const both: State<'A'> = { Type: 'Wait', Seconds: 1, Next: 'A', End: true };
    // @ts-expect-error: a name that ends in .$ takes a path
    const path: State = { Type: 'Pass', Parameters: { 'jobId.$': 'jobId' }, End: true };

    expect([both.Type, path.Type]).toEqual(['Wait', 'Pass']);
  });
});
