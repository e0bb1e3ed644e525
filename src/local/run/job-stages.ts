/**
 * Makes the embedded run a host of src/stages/advance.ts: it carries out each decision on the worker pool and the local
 * store, and reports the outcome.
 *
 * If a reduce attempt finds a damaged shuffle object, its worker is lent to the repair, and the other attempts of the stage
 * continue. The stage resumes when advance() decides to close its barrier.
 */
import type { JobDescription } from '../../api/job-description.ts';
import { systemClock } from '../../base/clock.ts';
import { type RepairTarget, repairTarget, serializeError } from '../../base/errors.ts';
import { type Stage, taskIndexOf } from '../../base/ids.ts';
import { discardForRepair } from '../../commit/repair.ts';
import { stageList, taskOf, tasksOf } from '../../plan/stages.ts';
import type { JobLayout, JobPlan } from '../../plan/task.ts';
import type { AttemptFailure, JobEvent, StageReport } from '../../report/report.ts';
import type { TaskSummary } from '../../report/task-summary.ts';
import {
  advance,
  type Decision,
  type Fact,
  type JobBounds,
  type JobProgress,
  LOCAL_BOUNDS,
  NOT_STARTED,
  type StageList,
} from '../../stages/advance.ts';
import type { BarrierResult } from '../../stages/barrier-result.ts';
import { closeStage } from '../../stages/close-stage.ts';
import { jobFailure } from '../../stages/job-failure.ts';
import type { StagePolicy } from '../../stages/policy.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { AttemptNumbers } from '../schedule/attempt-numbers.ts';
import type { ExecutorPool } from '../schedule/executor-pool.ts';
import { runStage } from '../schedule/run-stage.ts';
import type { LentToRepair, StageOptions, StageOutcome } from '../schedule/stage-options.ts';
import { roundsReport } from './rounds-report.ts';

export interface StagesOptions {
  readonly job: Pick<JobDescription, 'output'>;
  readonly plan: JobPlan;
  readonly store: ObjectStore;
  readonly layout: JobLayout;
  readonly pool: ExecutorPool;
  readonly policy: Partial<StagePolicy>;
  /** Default: the bounds of an embedded run. */
  readonly bounds?: JobBounds;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: JobEvent) => void;
  /** Called with each decision before it is carried out. */
  readonly onDecision?: (decision: Decision) => void;
}

export interface JobStages<Result> {
  readonly reports: readonly StageReport[];
  readonly failures: readonly AttemptFailure[];
  readonly partitionRecords: readonly number[];
  /** One summary per task of the last stage, which writes the parts. */
  readonly resultSummaries: readonly TaskSummary[];
  readonly allSummaries: readonly TaskSummary[];
  readonly result: Result;
}

/**
 * @param finish  assembles the result from what the tasks have committed. If it finds a part damaged or missing, it is
 *     called again after that part has been recreated.
 */
export async function runStages<Result>(
  options: StagesOptions,
  finish: (resultSummaries: readonly TaskSummary[]) => Promise<Result>,
): Promise<JobStages<Result>> {
  return await new StagesHost(options, finish).run();
}

class StagesHost<Result> {
  readonly #options: StagesOptions;
  readonly #finishWith: (resultSummaries: readonly TaskSummary[]) => Promise<Result>;
  readonly #attemptNumbers = new AttemptNumbers();
  readonly #stages: StageList;
  #progress: JobProgress = NOT_STARTED;
  /** The result of each barrier when it last closed. Repairs close barriers again. */
  readonly #barriers = new Map<Stage, BarrierResult>();
  /** The outcomes of the rounds of each stage, without those of repairs. */
  readonly #rounds = new Map<Stage, StageOutcome[]>();
  /** The errors after the last barrier that made repairs necessary, and the failed attempts of repairs. */
  readonly #repairFailures: AttemptFailure[] = [];
  /** Repairs run one at a time. Each closes a barrier, which must not find an object missing that another repair removed. */
  #lastRepair: Promise<unknown> = Promise.resolve();
  #result: { readonly value: Result } | undefined;

  constructor(options: StagesOptions, finish: (resultSummaries: readonly TaskSummary[]) => Promise<Result>) {
    this.#options = options;
    this.#finishWith = finish;
    this.#stages = stageList(options.plan);
  }

  async run(): Promise<JobStages<Result>> {
    let decision = this.#decide({ kind: 'planned', isRedrive: false });
    let isRepair = false;
    while (decision.kind !== 'done') {
      if (decision.kind === 'close' && decision.discard.length > 0) isRepair = true;
      if (decision.kind === 'finish') isRepair = false;
      decision = this.#decide(await this.#carryOut(decision, isRepair ? {} : undefined));
    }
    return this.#end();
  }

  #decide(fact: Fact): Decision {
    const { onDecision, bounds = LOCAL_BOUNDS } = this.#options;
    const { progress, decision } = advance(this.#stages, this.#progress, fact, bounds);
    this.#progress = progress;
    onDecision?.(decision);
    if (decision.kind === 'fail') {
      throw jobFailure(decision.reason, (task) =>
        this.#repairFailures.findLast(({ taskId }) => taskId === task),
      );
    }
    return decision;
  }

  /** @param repair  given if the decision is part of a repair: the worker lent to it, if any */
  async #carryOut(decision: Decision, repair: Partial<LentToRepair> | undefined): Promise<Fact> {
    switch (decision.kind) {
      case 'run':
        try {
          await this.#runTasks(decision, repair);
        } catch (error) {
          return { kind: 'failed', error };
        }
        return await this.#close(decision.stage);
      case 'close':
        await this.#discard(decision.discard);
        return await this.#close(decision.stage);
      case 'finish':
        return await this.#finish();
      case 'done':
      case 'fail':
        throw new Error(`the decision '${decision.kind}' ends the job, so it cannot be carried out`);
    }
  }

  async #runTasks(
    { stage, tasks }: Decision & { kind: 'run' },
    repair: Partial<LentToRepair> | undefined,
  ): Promise<void> {
    const { plan, onEvent } = this.#options;
    const specs = tasks === 'all' ? tasksOf(plan, stage) : tasks.map((index) => taskOf(plan, stage, index));
    const onCorruptShuffle = (target: RepairTarget, lent: LentToRepair) => this.#repair(stage, target, lent);
    const options = { stage, tasks: specs, onCorruptShuffle };
    if (repair === undefined) {
      const bytesTotal = this.#bytesToRead(stage);
      const rounds = this.#rounds.get(stage) ?? [];
      this.#rounds.set(stage, rounds);
      rounds.push(await this.#runStage({ ...options, ...(bytesTotal === undefined ? {} : { bytesTotal }) }));
      return;
    }
    // Report the attempts of a repair, but not that an earlier stage starts and ends again.
    const onAttempt = (event: JobEvent) => {
      if (event.kind.startsWith('attempt-')) onEvent?.(event);
    };
    const { failures } = await this.#runStage({ ...options, ...repair, onEvent: onAttempt });
    this.#repairFailures.push(...failures);
  }

  #runStage(stage: Pick<StageOptions, 'stage' | 'tasks'> & Partial<StageOptions>): Promise<StageOutcome> {
    const { pool, policy, signal, onEvent } = this.#options;
    return runStage({
      pool,
      policy,
      clock: systemClock,
      random: Math.random,
      attemptNumbers: this.#attemptNumbers,
      ...(signal ? { signal } : {}),
      ...(onEvent ? { onEvent } : {}),
      ...stage,
    });
  }

  /** Repairs a target that a running attempt of `stage` found damaged. Resolves when the stage may resume. */
  #repair(stage: Stage, target: RepairTarget, lent: LentToRepair): Promise<void> {
    const repair = this.#lastRepair.then(async () => {
      let decision = this.#decide({ kind: 'damaged', targets: [target] });
      while (!(decision.kind === 'close' && decision.stage === stage && decision.discard.length === 0)) {
        decision = this.#decide(await this.#carryOut(decision, lent));
      }
    });
    this.#lastRepair = repair.catch(() => {});
    return repair;
  }

  async #close(stage: Stage): Promise<Fact> {
    const { plan, store, layout, job } = this.#options;
    const barrier = await closeStage(stage, {
      plan,
      store,
      layout,
      extension: job.output.extension,
      partitionRecords: this.#before(stage)?.partitionRecords ?? [],
    });
    // Attempts have already reported damaged objects while the stage ran, and waited for the repairs.
    if (barrier.missing.length > 0)
      return { kind: 'incomplete', stage, missing: barrier.missing, damaged: [] };
    this.#barriers.set(stage, barrier);
    return { kind: 'closed', stage };
  }

  async #discard(targets: readonly RepairTarget[]): Promise<void> {
    const { store, layout, plan, job } = this.#options;
    const { extension } = job.output;
    await discardForRepair(targets, { store, layout, settings: plan.settings, extension });
  }

  async #finish(): Promise<Fact> {
    const summaries = this.#resultSummaries();
    try {
      this.#result = { value: await this.#finishWith(summaries) };
      return { kind: 'finished' };
    } catch (error) {
      const target = repairTarget(error);
      if (target === undefined || target === 'shuffle-index') return { kind: 'failed', error };
      const attemptId = summaries[taskIndexOf(target)]!.attemptId;
      this.#repairFailures.push({ taskId: target, attemptId, error: serializeError(error) });
      return { kind: 'damaged', targets: [target] };
    }
  }

  #end(): JobStages<Result> {
    const stages = this.#stages.map(({ stage }) => ({ stage, barrier: this.#barriers.get(stage)! }));
    const rounds = (stage: Stage) => this.#rounds.get(stage) ?? [];
    return {
      reports: stages.map(({ stage, barrier }) => roundsReport(stage, rounds(stage), barrier.summaries)),
      failures: [
        ...stages.flatMap(({ stage }) => rounds(stage).flatMap(({ failures }) => failures)),
        ...this.#repairFailures,
      ],
      partitionRecords: stages[0]!.barrier.partitionRecords,
      resultSummaries: this.#resultSummaries(),
      allSummaries: stages.flatMap(({ barrier }) => barrier.summaries),
      result: this.#result!.value,
    };
  }

  /** The barrier of the previous stage. */
  #before(stage: Stage): BarrierResult | undefined {
    const position = this.#stages.findIndex((each) => each.stage === stage);
    const before = this.#stages[position - 1];
    return before === undefined ? undefined : this.#barriers.get(before.stage);
  }

  #resultSummaries(): readonly TaskSummary[] {
    return this.#barriers.get(this.#stages.at(-1)!.stage)!.summaries;
  }

  /** How many bytes the tasks of the stage will read in total; undefined if that is unknown. */
  #bytesToRead(stage: Stage): number | undefined {
    const before = this.#before(stage);
    if (before !== undefined)
      return before.summaries.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    const { splits, inputBytes } = this.#options.plan;
    const isPlain = splits.every(({ pieces }) => pieces.every(({ file }) => file.compression === 'none'));
    return isPlain ? inputBytes : undefined;
  }
}
