/**
 * How many events the histories of the machines have at most. Step Functions ends an execution whose history has 25,000.
 * The states and their retries are those of the rendered machines; src/stages/advance.ts says how often each is entered.
 */
import type { Machine, State } from '../../infra/machine/asl.ts';
import { mapFor } from '../../lambdas/steps/decide.ts';
import { BACKUPS_FRACTION_MAX, LOOKS_MAX } from '../../src/aws/protocol/watch-state.ts';
import { type Stage, taskId } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import {
  AWS_BOUNDS,
  advance,
  type Decision,
  type Fact,
  type JobProgress,
  NOT_STARTED,
} from '../../src/stages/advance.ts';
import { GOLDEN } from '../infra/rendered.ts';

/**
 * The events of each state: entered, scheduled, started, succeeded, exited, and so on. A Distributed Map has two more for its
 * run. Its children have histories of their own.
 */
const EVENTS = { Task: 5, Choice: 2, Map: 4, Wait: 2, Succeed: 2, Fail: 1, Pass: 2 } as const;
const EVENTS_PER_MAP_RUN = 2;
/** The events of an iteration of an inline Map: started and succeeded. */
const EVENTS_PER_ITERATION = 2;
/** The events of a retry: failed, scheduled, started. */
const EVENTS_PER_RETRY = 3;
/** The events of the execution: started and succeeded. */
const EVENTS_PER_EXECUTION = 2;
/** How often a child enters a state of its loop: for each death of its function, and for the attempt that writes the note. */
const TURNS_MAX = LIMITS.attemptsMaxDefault + 1;

type States = Readonly<Record<string, State>>;

const JOB_STATES: States = GOLDEN[0]!.render().States;
const TITLES = { map: 'Map', reduce: 'Reduce' } as const;

/** Without failures. A small job has all its tasks in this history. */
export function eventsOfAnEasyJob(map: 'Inline' | 'Stage'): number {
  const path = [
    'Plan',
    'AfterPlan',
    'WatchMap',
    'AfterWatchMap',
    `Map${map}`,
    'MapBarrier',
    'AfterMapBarrier',
  ];
  path.push('WatchReduce', 'AfterWatchReduce', `Reduce${map}`, 'ReduceBarrier', 'AfterReduceBarrier');
  path.push('Commit', 'AfterCommit', 'Done');
  const iteration = EVENTS_PER_ITERATION + EVENTS.Task;
  return path.reduce(
    (sum, name) => sum + EVENTS[stateOf(name).Type] + mapEvents(stateOf(name), iteration),
    EVENTS_PER_EXECUTION,
  );
}

/** With every possible round and retry, of a job with as many tasks as an inline Map may have. */
export function eventsMax(): number {
  const planned = ([false, true] as const).map((isRedrive) =>
    eventsAfter(NOT_STARTED, { kind: 'planned', isRedrive }),
  );
  const failing = ['RecordFailure', 'PublishFailure', 'Failed'];
  return EVENTS_PER_EXECUTION + eventsOf(['Plan', 'AfterPlan', ...failing]) + Math.max(...planned);
}

/** The history of a child of the Distributed Map, however often its function dies. */
export function childEventsMax(stage: Stage): number {
  return childMax(stateOf(`${TITLES[stage]}Stage`));
}

/** The events of wait, look, choice, and the inline Map of the backups. Each backup is an iteration with one task. */
export function watchEventsMax(tasks: number): number {
  const { Wait, Task, Choice, Map: inlineMap } = EVENTS;
  const backup = EVENTS_PER_ITERATION + Task;
  return (
    EVENTS_PER_EXECUTION +
    LOOKS_MAX * (Wait + Task + Choice + inlineMap) +
    tasks * BACKUPS_FRACTION_MAX * backup
  );
}

const TASKS = LIMITS.inlineTasksMax;
const STAGES = [
  { stage: 'map', tasks: TASKS },
  { stage: 'reduce', tasks: TASKS },
] as const;
const known = new Map<string, number>();

/** The events of the longest way from here to the end of the job. Each way ends, because the rounds are bounded. */
function eventsAfter(progress: JobProgress, fact: Fact): number {
  const { phase, handedOut, finishes } = progress;
  const key = JSON.stringify([phase, handedOut, finishes, progress.isRedrive, fact]);
  const before = known.get(key);
  if (before !== undefined) return before;
  const step = advance(STAGES, progress, fact, AWS_BOUNDS);
  const [entered, facts] = carriedOut(step.decision);
  const after = facts.map((next) => eventsAfter(step.progress, next));
  const events = eventsOf(entered) + Math.max(0, ...after);
  known.set(key, events);
  return events;
}

/** The states that the machine enters for a decision, and what the last of them may report. */
function carriedOut(decision: Decision): [states: string[], facts: Fact[]] {
  switch (decision.kind) {
    case 'run': {
      const { stage, tasks, round } = decision;
      const title = TITLES[stage];
      const watch = tasks === 'all' ? [`Watch${title}`, `AfterWatch${title}`] : [];
      const map = mapFor({ tasks: TASKS, round }, {}) === 'inline' ? `${title}Inline` : `${title}Stage`;
      return [[...watch, map, `${title}Barrier`, `After${title}Barrier`], factsOf(stage)];
    }
    case 'close': {
      const title = TITLES[decision.stage];
      return [[`${title}Barrier`, `After${title}Barrier`], factsOf(decision.stage)];
    }
    case 'finish': {
      // The commit reads only what the last stage wrote.
      const damaged: Fact = { kind: 'damaged', targets: [taskId('reduce', 0)] };
      return [
        ['Commit', 'AfterCommit'],
        [{ kind: 'finished' }, damaged],
      ];
    }
    case 'done':
      return [['Done'], []];
    case 'fail':
      return [[], []];
  }
}

function factsOf(stage: Stage): Fact[] {
  const incomplete = { kind: 'incomplete', stage, missing: [0] } as const;
  return [
    { kind: 'closed', stage },
    { ...incomplete, damaged: [] },
    ...(stage === 'map' ? [] : [{ ...incomplete, damaged: [taskId('map', 0)] }]),
  ];
}

function eventsOf(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + stateMax(stateOf(name)), 0);
}

function stateOf(name: string): State {
  const state = JOB_STATES[name];
  if (state === undefined) throw new Error(`the machine has no state ${name}`);
  return state;
}

/** One visit of a state, with the maximum number of retries for each reason. */
function stateMax(state: State): number {
  const retriers = 'Retry' in state ? state.Retry : [];
  const retries = retriers.reduce((all, { MaxAttempts }) => all + MaxAttempts, 0);
  const isMap = state.Type === 'Map';
  const iteration = isMap ? childMax(state) - EVENTS_PER_EXECUTION + EVENTS_PER_ITERATION : 0;
  return EVENTS[state.Type] + retries * EVENTS_PER_RETRY + mapEvents(state, iteration);
}

/** The events of a Map in addition to those of every state of its kind. */
function mapEvents(state: State, iteration: number): number {
  if (state.Type !== 'Map') return 0;
  return isInline(state) ? TASKS * iteration : EVENTS_PER_MAP_RUN;
}

function isInline(state: State & { Type: 'Map' }): boolean {
  return state.ItemProcessor.ProcessorConfig.Mode === 'INLINE';
}

/** The states of a child, and those of its loop once per turn. */
function childMax(map: State): number {
  if (map.Type !== 'Map') throw new Error(`a ${map.Type} has no children`);
  const { States }: Machine = map.ItemProcessor;
  return Object.entries(States).reduce(
    (sum, [name, state]) => sum + (isInLoop(States, name) ? TURNS_MAX : 1) * stateMax(state),
    EVENTS_PER_EXECUTION,
  );
}

/** Whether the state is part of a loop. */
function isInLoop(states: States, name: string): boolean {
  const seen = new Set<string>();
  const ahead = successors(states[name]!);
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    if (next === name) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    ahead.push(...successors(states[next]!));
  }
  return false;
}

function successors(state: State): string[] {
  const chosen = state.Type === 'Choice' ? state.Choices : [];
  const caught = 'Catch' in state ? (state.Catch ?? []) : [];
  const next = 'Next' in state ? [state.Next] : [];
  const otherwise = state.Type === 'Choice' ? [state.Default] : [];
  const named = [...chosen, ...caught].map((way) => way.Next);
  return [...next, ...otherwise, ...named].filter((name) => name !== undefined);
}
