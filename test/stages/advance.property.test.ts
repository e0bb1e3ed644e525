/** Random histories of deaths, losses, duplicates, damage and cancellations, reported to advance() as hosts report them. */
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../simulation/seeded-random.ts';
import { fromTravel, stepEventSchema, toTravel } from '../../src/aws/protocol/job-state.ts';
import type { RepairTarget } from '../../src/base/errors.ts';
import { type Stage, stageOf, type TaskId, taskId, taskIndexOf } from '../../src/base/ids.ts';
import {
  AWS_BOUNDS,
  advance,
  type Decision,
  type Fact,
  type JobBounds,
  type JobProgress,
  LOCAL_BOUNDS,
  NOT_STARTED,
  producerOf,
  type StageList,
} from '../../src/stages/advance.ts';

const HISTORIES = 5_000;
/** Far more than the bounds of these small jobs allow. A history with this many decisions would never end. */
const DECISIONS_MAX = 2_000;

interface Dangers {
  /** Probabilities for each task that runs. */
  readonly lost: number;
  readonly damaged: number;
  readonly failed: number;
  /** Probability for each discarded task that an attempt believed dead commits it again. */
  readonly duplicate: number;
  /** Probability for each step. */
  readonly cancel: number;
  /** Probability that assembling the result finds a part, or the index, damaged. */
  readonly resultDamaged: number;
  /** Whether damage is reported at once, as the embedded run does, or at the barrier, as AWS does. */
  readonly isImmediate: boolean;
  readonly isRedrive: boolean;
}

interface Object {
  isDamaged: boolean;
}

/** The objects that the tasks have really committed. advance() knows about them only from facts. */
class World {
  readonly stages: StageList;
  readonly committed = new Map<TaskId, Object>();
  readonly random: () => number;
  readonly dangers: Dangers;
  faults = 0;

  constructor(stages: StageList, dangers: Dangers, random: () => number) {
    this.stages = stages;
    this.dangers = dangers;
    this.random = random;
    if (!dangers.isRedrive) return;
    for (const { stage, tasks } of stages) {
      for (let index = 0; index < tasks; index++) {
        if (random() < 0.5) this.committed.set(taskId(stage, index), { isDamaged: false });
      }
    }
  }

  happens(
    danger: keyof Dangers & ('lost' | 'damaged' | 'failed' | 'duplicate' | 'cancel' | 'resultDamaged'),
  ) {
    const happens = this.random() < this.dangers[danger];
    if (happens) this.faults++;
    return happens;
  }

  missing(stage: Stage): number[] {
    const { tasks } = this.stages.find((each) => each.stage === stage)!;
    return [...Array(tasks).keys()].filter((index) => !this.committed.has(taskId(stage, index)));
  }

  damagedBefore(stage: Stage): TaskId[] {
    const position = this.stages.findIndex((each) => each.stage === stage);
    const before = new Set(this.stages.slice(0, position).map((each) => each.stage));
    return [...this.committed]
      .filter(([task, { isDamaged }]) => isDamaged && before.has(stageOf(task)))
      .map(([task]) => task);
  }
}

interface Trace {
  readonly decisions: Decision[];
  readonly facts: Fact[];
  progress: JobProgress;
  readonly world: World;
}

type Carry = (progress: JobProgress) => JobProgress;

function play(stages: StageList, world: World, bounds: JobBounds): Trace {
  const trace: Trace = { decisions: [], facts: [], progress: NOT_STARTED, world };
  const tell = (fact: Fact): Decision => {
    const { progress, decision } = advance(stages, trace.progress, fact, bounds);
    trace.facts.push(fact);
    trace.progress = progress;
    trace.decisions.push(decision);
    return decision;
  };
  let decision = tell({ kind: 'planned', isRedrive: world.dangers.isRedrive });
  while (decision.kind !== 'done' && decision.kind !== 'fail') {
    if (trace.decisions.length > DECISIONS_MAX) throw new Error('this history does not end');
    const fact: Fact = world.happens('cancel')
      ? { kind: 'failed', error: 'cancelled' }
      : carryOut(decision, trace, tell);
    decision = tell(fact);
  }
  return trace;
}

function carryOut(decision: Decision, trace: Trace, tell: (fact: Fact) => Decision): Fact {
  const { world } = trace;
  switch (decision.kind) {
    case 'run':
      return runTasks(decision, trace, tell) ?? { kind: 'failed', error: 'attempts used up' };
    case 'close':
      discard(decision.discard, world);
      return closed(decision.stage, [], world);
    case 'finish':
      return finish(world);
    default:
      throw new Error(decision.kind);
  }
}

/** @returns undefined if a task failed permanently */
function runTasks(
  { stage, tasks }: Decision & { kind: 'run' },
  trace: Trace,
  tell: (fact: Fact) => Decision,
): Fact | undefined {
  const { world } = trace;
  const list =
    tasks === 'all' ? [...Array(world.stages.find((each) => each.stage === stage)!.tasks).keys()] : tasks;
  const complaints = new Set<TaskId>();
  for (const index of list) {
    const task = taskId(stage, index);
    // A committed task is never handed out again.
    expect(world.committed.has(task), task).toBe(false);
    if (world.happens('failed')) return undefined;
    for (;;) {
      const [damaged] = world.damagedBefore(stage);
      if (damaged === undefined) break;
      if (!world.dangers.isImmediate) {
        complaints.add(damaged);
        break;
      }
      let decision = tell({ kind: 'damaged', targets: [damaged] });
      while (!(decision.kind === 'close' && decision.stage === stage && decision.discard.length === 0)) {
        if (decision.kind === 'fail') return { kind: 'failed', error: 'in repair' };
        decision = tell(carryOut(decision, trace, tell));
      }
    }
    if (complaints.size > 0 && world.damagedBefore(stage).length > 0) continue;
    if (!world.happens('lost')) world.committed.set(task, { isDamaged: world.happens('damaged') });
  }
  return closed(stage, [...complaints], world);
}

function discard(targets: readonly RepairTarget[], world: World): void {
  for (const target of targets) {
    if (target === 'shuffle-index') continue;
    world.committed.delete(target);
    if (world.happens('duplicate')) world.committed.set(target, { isDamaged: world.happens('damaged') });
  }
}

function closed(stage: Stage, damaged: readonly RepairTarget[], world: World): Fact {
  const missing = world.missing(stage);
  if (missing.length === 0) return { kind: 'closed', stage };
  return {
    kind: 'incomplete',
    stage,
    missing,
    damaged: damaged.filter((each) => producerOf(each) !== stage),
  };
}

function finish(world: World): Fact {
  // Every task of every stage must have committed, otherwise the result would be incomplete.
  for (const { stage } of world.stages) expect(world.missing(stage)).toEqual([]);
  const last = world.stages.at(-1)!;
  const damaged = [...world.committed].find(
    ([task, { isDamaged }]) => isDamaged && stageOf(task) === last.stage,
  );
  if (damaged !== undefined) return { kind: 'damaged', targets: [damaged[0]] };
  if (last.tasks > 0 && world.happens('resultDamaged')) {
    return { kind: 'damaged', targets: [taskId(last.stage, Math.floor(world.random() * last.tasks))] };
  }
  return { kind: 'finished' };
}

function history(seed: number): { stages: StageList; world: World } {
  const random = seededRandom(seed);
  const stages: StageList = [
    { stage: 'map', tasks: Math.floor(random() * 6) },
    ...(random() < 0.25 ? [] : [{ stage: 'reduce' as const, tasks: 1 + Math.floor(random() * 4) }]),
  ];
  const danger = () => random() ** 3 * (random() < 0.2 ? 1 : 0.3);
  const dangers: Dangers = {
    lost: danger(),
    damaged: danger(),
    failed: random() < 0.2 ? 0.05 : 0,
    duplicate: danger(),
    cancel: random() < 0.2 ? 0.05 : 0,
    resultDamaged: danger(),
    isImmediate: random() < 0.5,
    isRedrive: random() < 0.3,
  };
  return { stages, world: new World(stages, dangers, random) };
}

function assertBounded({ decisions, progress }: Trace, stages: StageList, bounds: JobBounds): void {
  for (const { stage } of stages) {
    const rounds = decisions.filter((decision) => decision.kind === 'run' && decision.stage === stage).length;
    expect(rounds).toBeLessThanOrEqual(1 + bounds.stageRerunsMax);
    expect(rounds).toBe(progress.handedOut[stage] ?? 0);
  }
  const again = new Map<RepairTarget, number>();
  for (const decision of decisions) {
    if (decision.kind !== 'close') continue;
    for (const target of decision.discard) again.set(target, (again.get(target) ?? 0) + 1);
  }
  for (const [target, times] of again) expect(times, target).toBeLessThanOrEqual(bounds.objectRepairsMax);
  const finishes = decisions.filter(({ kind }) => kind === 'finish').length;
  expect(finishes).toBeLessThanOrEqual(1 + bounds.finishRerunsMax);
}

/** A job may fail only with a reason that is true. */
function assertFailedForAReason({ decisions, facts, progress }: Trace, bounds: JobBounds): void {
  const last = decisions.at(-1)!;
  if (last.kind !== 'fail') return;
  const { reason } = last;
  switch (reason.kind) {
    case 'error':
      expect(facts.at(-1)).toEqual({ kind: 'failed', error: reason.error });
      break;
    case 'tasks missing':
      expect(progress.handedOut[reason.stage]).toBe(1 + bounds.stageRerunsMax);
      expect(reason.missing.length).toBeGreaterThan(0);
      break;
    case 'object damaged':
      expect(progress.repairs[reason.target]).toBe(bounds.objectRepairsMax);
      break;
    case 'result damaged':
      expect(progress.finishes).toBe(1 + bounds.finishRerunsMax);
  }
}

describe.each([
  ['an embedded run', LOCAL_BOUNDS],
  ['a job on AWS', AWS_BOUNDS],
  ['a job without retries', { stageRerunsMax: 0, objectRepairsMax: 0, finishRerunsMax: 0 }],
])('the decisions about %s', (_, bounds) => {
  it('end every history within the bounds, never run a committed task, and finish with every task committed', () => {
    const seen = {
      done: 0,
      doneAfterFaults: 0,
      'tasks missing': 0,
      'object damaged': 0,
      'result damaged': 0,
      error: 0,
    };
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const { stages, world } = history(seed);
      try {
        const trace = play(stages, world, bounds);

        assertBounded(trace, stages, bounds);
        assertFailedForAReason(trace, bounds);
        const last = trace.decisions.at(-1)!;
        if (last.kind === 'fail') seen[last.reason.kind]++;
        else {
          seen.done++;
          if (world.faults > 0) seen.doneAfterFaults++;
        }
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }

    // Each outcome must really have occurred.
    expect(Math.min(seen.done, seen.error)).toBeGreaterThan(100);
    if (bounds === AWS_BOUNDS) expect(seen['tasks missing']).toBeGreaterThan(50);
    if (bounds === LOCAL_BOUNDS) expect(seen['object damaged']).toBeGreaterThan(50);
    if (bounds.stageRerunsMax > 0) expect(seen.doneAfterFaults).toBeGreaterThan(500);
    if (bounds !== LOCAL_BOUNDS) expect(seen['result damaged']).toBeGreaterThan(5);
  });
});

describe('the state that a host keeps', () => {
  const throughTheMachine: Carry = (progress) => {
    const event = {
      jobId: 'j',
      codeHash: 'c',
      progress: toTravel(progress),
      execution: { id: 'e', startTime: '' },
    };
    return fromTravel(v.parse(stepEventSchema, JSON.parse(JSON.stringify(event))).progress);
  };

  it('leads to the same decisions in memory and in the state of a Step Functions execution', () => {
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const { stages, world } = history(seed);
      const { facts, decisions } = play(stages, world, AWS_BOUNDS);

      let progress = NOT_STARTED;
      const again = facts.map((fact) => {
        const step = advance(stages, throughTheMachine(progress), fact, AWS_BOUNDS);
        progress = step.progress;
        return step.decision;
      });

      expect(again, `seed ${seed}`).toEqual(decisions);
    }
  });
});

describe('impossible facts', () => {
  const stages: StageList = [
    { stage: 'map', tasks: 2 },
    { stage: 'reduce', tasks: 2 },
  ];
  const started = advance(stages, NOT_STARTED, { kind: 'planned', isRedrive: false }, LOCAL_BOUNDS).progress;

  it.each<[string, JobProgress, Fact]>([
    ['a barrier before the plan', NOT_STARTED, { kind: 'closed', stage: 'map' }],
    ['a second plan', started, { kind: 'planned', isRedrive: false }],
    ['the barrier of another stage', started, { kind: 'closed', stage: 'reduce' }],
    ['the end of an assembly that was never started', started, { kind: 'finished' }],
    ['damage that names no object', started, { kind: 'damaged', targets: [] }],
  ])('%s is rejected as a bug in the host', (_, progress, fact) => {
    expect(() => advance(stages, progress, fact, LOCAL_BOUNDS)).toThrow(RangeError);
  });

  it('numbers the rounds of a stage from 1', () => {
    const incomplete: Fact = {
      kind: 'incomplete',
      stage: 'map',
      missing: [taskIndexOf(taskId('map', 1))],
      damaged: [],
    };

    const { decision } = advance(stages, started, incomplete, LOCAL_BOUNDS);

    expect(decision).toEqual({ kind: 'run', stage: 'map', tasks: [1], round: 2 });
  });
});
