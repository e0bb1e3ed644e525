/**
 * Decides what a job does next, for every host. A host (the embedded run, the Lambda steps) carries out a decision, reports
 * the outcome as a fact, and asks for the next decision. Nothing here reads a clock, a store or a random number.
 *
 *     run map ---> close map ---> run reduce ---> close reduce ---> finish ---> done
 *        ^_____________|  ^           ^________________|  |            |
 *        tasks missing    |           tasks missing       |            |
 *                         +-------------------------------+------------+
 *                         an object of an earlier stage is damaged: discard it, close again
 *
 * After a repair, and at the start of a redrive, a later stage may already have committed tasks. The host then closes its
 * barrier before it runs any of its tasks, and runs only the missing ones.
 *
 * Three bounds guarantee that every job ends: how often a stage hands out tasks, how often one object is recreated, and how
 * often the result is assembled.
 */
import type { RepairTarget } from '../base/errors.ts';
import { isTaskId, STAGES, type Stage, stageOf, taskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';

/** The stages of one job in order, each with its number of tasks. */
export type StageList = readonly { readonly stage: Stage; readonly tasks: number }[];

export interface JobBounds {
  /** How often a stage hands out tasks again, after the first time. */
  readonly stageRerunsMax: number;
  /** How often one committed object is recreated because it is missing or damaged. */
  readonly objectRepairsMax: number;
  /** How often the result is assembled again because a part is damaged or missing. */
  readonly finishRerunsMax: number;
}

export type Phase =
  /** Tasks of the stage have been handed out since its barrier last closed. */
  | { readonly kind: 'running'; readonly stage: Stage }
  /** The host closes the barrier although no task has run since it last closed: after a repair, or in a redrive. */
  | { readonly kind: 'closing'; readonly stage: Stage }
  | { readonly kind: 'finishing' }
  | { readonly kind: 'over' };

/** The state that a host keeps between two decisions. Plain JSON. */
export interface JobProgress {
  readonly phase: Phase;
  /** How often each stage has handed out tasks; stages that have not are omitted. */
  readonly handedOut: Readonly<Partial<Record<Stage, number>>>;
  /** How often the result was assembled. */
  readonly finishes: number;
  /** An earlier execution may have committed tasks of any stage. */
  readonly isRedrive: boolean;
  /** How often each object was recreated. */
  readonly repairs: Readonly<Partial<Record<RepairTarget, number>>>;
  /** Objects discarded since a barrier last closed. Their repairs are already counted. */
  readonly discarded: readonly RepairTarget[];
}

export type Fact =
  | { readonly kind: 'planned'; readonly isRedrive: boolean }
  /** The barrier of the stage found every task committed. */
  | { readonly kind: 'closed'; readonly stage: Stage }
  | {
      readonly kind: 'incomplete';
      readonly stage: Stage;
      /** Indexes of the tasks that have not committed, ascending; at least one. */
      readonly missing: readonly number[];
      /** Objects of earlier stages that the missing tasks found damaged. */
      readonly damaged: readonly RepairTarget[];
    }
  /** A running task, or the assembly of the result, found these objects damaged or missing. */
  | { readonly kind: 'damaged'; readonly targets: readonly RepairTarget[] }
  /** A task has used up its attempts or failed with an error that is not retryable, or the job was cancelled. */
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'finished' };

export type Decision =
  /** Run these tasks, then close the stage's barrier. */
  | {
      readonly kind: 'run';
      readonly stage: Stage;
      readonly tasks: 'all' | readonly number[];
      readonly round: number;
    }
  /** Remove these committed objects, then close the stage's barrier. A running stage ends first. */
  | { readonly kind: 'close'; readonly stage: Stage; readonly discard: readonly RepairTarget[] }
  /** Assemble the result and commit it. */
  | { readonly kind: 'finish' }
  | { readonly kind: 'done' }
  | { readonly kind: 'fail'; readonly reason: FailureReason };

export type FailureReason =
  | { readonly kind: 'error'; readonly error: unknown }
  /** Tasks are still missing although the stage has handed out tasks in this many rounds. */
  | {
      readonly kind: 'tasks missing';
      readonly stage: Stage;
      readonly missing: readonly number[];
      readonly rounds: number;
    }
  /** The object was recreated this often and is missing or damaged again. */
  | { readonly kind: 'object damaged'; readonly target: RepairTarget; readonly repairs: number }
  /** Assembling the result failed this often. */
  | { readonly kind: 'result damaged'; readonly target: RepairTarget; readonly finishes: number };

export interface Step {
  readonly progress: JobProgress;
  readonly decision: Decision;
}

/**
 * Each round adds events to the history of the execution, which holds at most 25,000. So the number of rounds is small,
 * and it also bounds the repairs.
 */
export const AWS_BOUNDS: JobBounds = {
  stageRerunsMax: LIMITS.stageRerunsMax,
  objectRepairsMax: Number.POSITIVE_INFINITY,
  finishRerunsMax: LIMITS.stageRerunsMax,
};

/** Running tasks report damaged objects one at a time. So there may be many rounds, but few for any one object. */
export const LOCAL_BOUNDS: JobBounds = {
  stageRerunsMax: LIMITS.localStageRerunsMax,
  objectRepairsMax: LIMITS.objectRepairsMax,
  finishRerunsMax: LIMITS.localStageRerunsMax,
};

export const NOT_STARTED: JobProgress = {
  phase: { kind: 'over' },
  handedOut: {},
  finishes: 0,
  isRedrive: false,
  repairs: {},
  discarded: [],
};

/** @throws RangeError if the fact cannot occur in this phase, which is a bug in the host */
export function advance(stages: StageList, progress: JobProgress, fact: Fact, bounds: JobBounds): Step {
  return new Advance(stages, progress, bounds).after(fact);
}

class Advance {
  readonly #stages: StageList;
  readonly #progress: JobProgress;
  readonly #bounds: JobBounds;

  constructor(stages: StageList, progress: JobProgress, bounds: JobBounds) {
    this.#stages = stages;
    this.#progress = progress;
    this.#bounds = bounds;
  }

  after(fact: Fact): Step {
    const { phase } = this.#progress;
    if (fact.kind === 'failed') return this.#fail({ kind: 'error', error: fact.error });
    if ((fact.kind === 'planned') !== (phase.kind === 'over')) throw unexpected(fact, phase);
    switch (fact.kind) {
      case 'planned':
        return this.#with({ isRedrive: fact.isRedrive }).#enter(0);
      case 'closed':
        this.#expectStage(fact, fact.stage);
        return this.#with({ discarded: [] }).#enter(this.#position(fact.stage) + 1);
      case 'incomplete':
        this.#expectStage(fact, fact.stage);
        return this.#incomplete(fact);
      case 'damaged':
        return this.#repair(fact.targets);
      case 'finished':
        if (phase.kind !== 'finishing') throw unexpected(fact, phase);
        return this.#decide({ kind: 'over' }, { kind: 'done' });
    }
  }

  /** Enters the stage at this position, or the finish after the last stage. */
  #enter(position: number): Step {
    const next = this.#stages[position];
    if (next === undefined) {
      const finishes = this.#progress.finishes + 1;
      return this.#with({ finishes }).#decide({ kind: 'finishing' }, { kind: 'finish' });
    }
    const { stage, tasks } = next;
    const mayHaveCommitted = this.#progress.isRedrive || this.#handedOut(stage) > 0;
    if (mayHaveCommitted || tasks === 0) return this.#close(stage, []);
    return this.#run(stage, 'all');
  }

  #incomplete({ stage, missing, damaged }: Fact & { kind: 'incomplete' }): Step {
    const { phase, discarded } = this.#progress;
    const rounds = this.#handedOut(stage);
    if (rounds > this.#bounds.stageRerunsMax) {
      return this.#fail({ kind: 'tasks missing', stage, missing, rounds });
    }
    // Damage that tasks found before the last repair has already been repaired.
    if (phase.kind === 'running' && damaged.length > 0) return this.#repair(damaged);
    const lost =
      rounds === 0
        ? []
        : missing.map((index) => taskId(stage, index)).filter((task) => !discarded.includes(task));
    return this.#countRepairs(lost, (counted) => counted.#with({ discarded: [] }).#run(stage, missing));
  }

  #repair(targets: readonly RepairTarget[]): Step {
    const { phase, finishes } = this.#progress;
    const [target] = targets;
    if (target === undefined) throw new RangeError("a 'damaged' fact must name at least one object");
    if (phase.kind === 'finishing' && finishes > this.#bounds.finishRerunsMax) {
      return this.#fail({ kind: 'result damaged', target, finishes });
    }
    return this.#countRepairs([...new Set(targets)], (counted) => {
      const first = Math.min(...targets.map((each) => counted.#position(producerOf(each))));
      const discarded = [...counted.#progress.discarded, ...targets];
      return counted.#with({ discarded }).#close(counted.#stages[first]!.stage, targets);
    });
  }

  /** Counts a repair of each object, then calls `next`. Fails the job if one of them has no repairs left. */
  #countRepairs(targets: readonly RepairTarget[], next: (counted: Advance) => Step): Step {
    const repairs: Partial<Record<RepairTarget, number>> = { ...this.#progress.repairs };
    for (const target of targets) {
      const before = repairs[target] ?? 0;
      if (before >= this.#bounds.objectRepairsMax) {
        return this.#fail({ kind: 'object damaged', target, repairs: before });
      }
      repairs[target] = before + 1;
    }
    return next(this.#with({ repairs }));
  }

  #run(stage: Stage, tasks: 'all' | readonly number[]): Step {
    const round = this.#handedOut(stage) + 1;
    return this.#with({ handedOut: { ...this.#progress.handedOut, [stage]: round } }).#decide(
      { kind: 'running', stage },
      { kind: 'run', stage, tasks, round },
    );
  }

  #close(stage: Stage, discard: readonly RepairTarget[]): Step {
    return this.#decide({ kind: 'closing', stage }, { kind: 'close', stage, discard });
  }

  #fail(reason: FailureReason): Step {
    return this.#decide({ kind: 'over' }, { kind: 'fail', reason });
  }

  #decide(phase: Phase, decision: Decision): Step {
    return { progress: { ...this.#progress, phase }, decision };
  }

  #with(change: Partial<JobProgress>): Advance {
    return new Advance(this.#stages, { ...this.#progress, ...change }, this.#bounds);
  }

  #handedOut(stage: Stage): number {
    return this.#progress.handedOut[stage] ?? 0;
  }

  #position(stage: Stage): number {
    const position = this.#stages.findIndex((each) => each.stage === stage);
    if (position === -1) throw new RangeError(`this job has no stage '${stage}'`);
    return position;
  }

  #expectStage(fact: Fact, stage: Stage): void {
    const { phase } = this.#progress;
    if (!('stage' in phase) || phase.stage !== stage) throw unexpected(fact, phase);
  }
}

/** The stage whose tasks, or whose barrier, create the object. */
export function producerOf(target: RepairTarget): Stage {
  return isTaskId(target) ? stageOf(target) : STAGES[0];
}

/** Whether a task of this stage may have read the object. Only then can a repair help the task. */
export function isOfEarlierStage(target: RepairTarget, stage: Stage): boolean {
  return STAGES.indexOf(producerOf(target)) < STAGES.indexOf(stage);
}

function unexpected(fact: Fact, phase: Phase): RangeError {
  return new RangeError(`the fact '${fact.kind}' cannot follow the phase '${phase.kind}'`);
}
