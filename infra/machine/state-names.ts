/**
 * The names of the job machine's states. They are part of what a person sees in the console, and of the stored history.
 */
import type { NextStep } from '../../src/aws/protocol/job-state.ts';
import type { StageTitle } from '../../src/aws/protocol/state-names.ts';

/** The states of one stage: the start of its watch, its tasks in either Map, its barrier, and where to go from there. */
export type StageStateName =
  | `Watch${StageTitle}`
  | `AfterWatch${StageTitle}`
  | `${StageTitle}Inline`
  | `${StageTitle}Stage`
  | `${StageTitle}Barrier`
  | `After${StageTitle}Barrier`;

export type StateName =
  | 'Plan'
  | 'AfterPlan'
  | 'NothingToDo'
  | StageStateName
  | 'Commit'
  | 'AfterCommit'
  | 'Done'
  | 'PlanFailed'
  | 'RecordFailure'
  | 'PublishFailure'
  | 'Failed'
  | 'FailedUnrecorded';

/** The state that takes the step which a handler asked for. */
export const STATE_OF_STEP: Readonly<Record<NextStep, StateName>> = {
  end: 'NothingToDo',
  map: 'MapStage',
  'map-watched': 'WatchMap',
  'map-inline': 'MapInline',
  'map-inline-watched': 'WatchMap',
  'map-barrier': 'MapBarrier',
  reduce: 'ReduceStage',
  'reduce-watched': 'WatchReduce',
  'reduce-inline': 'ReduceInline',
  'reduce-inline-watched': 'WatchReduce',
  'reduce-barrier': 'ReduceBarrier',
  commit: 'Commit',
};
