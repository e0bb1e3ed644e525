/**
 * The stages of a job as the machines know them, in the order in which they run. docs/architecture.md lists what else a new
 * stage needs.
 */
import type { NextStep } from '../../src/aws/protocol/job-state.ts';
import type { StageTitle } from '../../src/aws/protocol/state-names.ts';
import type { Stage } from '../../src/base/ids.ts';
import type { FunctionName } from '../functions/function-names.ts';

export interface MachineStage {
  readonly name: Stage;
  readonly title: StageTitle;
  /** Runs one task of the stage. */
  readonly taskFunction: FunctionName;
  /** Verifies that every task committed, and decides what comes next. */
  readonly barrierFunction: FunctionName;
  /** What the barrier may decide. */
  readonly nextSteps: readonly NextStep[];
  /**
   * Whether a task may find that the output of an earlier stage is damaged. It then ends, and the barrier has that
   * output recreated.
   */
  readonly awaitsRepair: boolean;
}

/** How a stage may start: in either Map, with or without the watch. */
export function startOf<S extends Stage>(stage: S) {
  return [stage, `${stage}-watched`, `${stage}-inline`, `${stage}-inline-watched`] as const;
}

export const STAGES: readonly MachineStage[] = [
  {
    name: 'map',
    title: 'Map',
    taskFunction: 'map',
    barrierFunction: 'map-barrier',
    nextSteps: ['map', 'map-inline', ...startOf('reduce'), 'reduce-barrier', 'commit'],
    awaitsRepair: false,
  },
  {
    name: 'reduce',
    title: 'Reduce',
    taskFunction: 'reduce',
    barrierFunction: 'reduce-barrier',
    nextSteps: ['reduce', 'reduce-inline', 'map-barrier', 'commit'],
    awaitsRepair: true,
  },
];

/** The functions that run tasks. */
export const TASK_FUNCTIONS: readonly FunctionName[] = STAGES.map(({ taskFunction }) => taskFunction);

/** The states that each stage adds to a machine, in one record. */
export function ofEachStage<Name extends string, S>(
  statesOf: (stage: MachineStage) => Readonly<Record<string, S>>,
): Readonly<Record<Name, S>> {
  // Computed names are just strings to the compiler. test/infra/transitions.test.ts verifies that none is missing.
  return Object.fromEntries(STAGES.flatMap((stage) => Object.entries(statesOf(stage)))) as Record<Name, S>;
}
