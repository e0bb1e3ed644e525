/** Map, barrier, reduce, barrier; and back to a task when what it committed turns out damaged. */
import type { JobDescription } from '../../api/job-description.ts';
import { systemClock } from '../../base/clock.ts';
import { type RepairTarget, repairTarget, serializeError } from '../../base/errors.ts';
import { type AttemptId, stageOf, taskIndexOf } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { discardForRepair } from '../../commit/repair.ts';
import { mapTasks, reduceTasks } from '../../plan/plan-job.ts';
import type { JobLayout, JobPlan, TaskSpec } from '../../plan/task.ts';
import type { AttemptFailure, JobEvent, StageReport } from '../../report/report.ts';
import type { TaskSummary } from '../../report/task-summary.ts';
import { closeMapStage, type MapBarrierResult } from '../../stages/map-barrier.ts';
import type { StagePolicy } from '../../stages/policy.ts';
import { closeReduceStage, type ReduceBarrierResult } from '../../stages/reduce-barrier.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { AttemptNumbers } from '../schedule/attempt-numbers.ts';
import type { ExecutorPool } from '../schedule/executor-pool.ts';
import { runStage } from '../schedule/run-stage.ts';
import type {
  CorruptShuffleHook,
  LentToRepair,
  StageOptions,
  StageOutcome,
} from '../schedule/stage-options.ts';
import { runToBarrier, type StageEnd } from './stage-to-barrier.ts';

export interface StagesOptions {
  readonly job: Pick<JobDescription, 'output'>;
  readonly plan: JobPlan;
  readonly store: ObjectStore;
  readonly layout: JobLayout;
  readonly pool: ExecutorPool;
  readonly policy: Partial<StagePolicy>;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: JobEvent) => void;
}

export interface JobStages<Result> {
  readonly reports: readonly StageReport[];
  readonly failures: readonly AttemptFailure[];
  readonly partitionRecords: readonly number[];
  /** Of the tasks that wrote the parts. */
  readonly resultSummaries: readonly TaskSummary[];
  readonly allSummaries: readonly TaskSummary[];
  readonly result: Result;
}

/**
 * @param finish  makes the result of what the tasks have committed; called again when it found something of that damaged
 *     or gone, and it has been made again
 */
export async function runStages<Result>(
  options: StagesOptions,
  finish: (resultSummaries: readonly TaskSummary[]) => Promise<Result>,
): Promise<JobStages<Result>> {
  const stages = new Stages(options);
  const map = await stages.map();
  const reduce = options.plan.settings.reducers === 0 ? undefined : await stages.reduce();
  const result = await stages.finish(finish);
  return { ...stages.end(reduce === undefined ? [map] : [map, reduce]), result };
}

class Stages {
  readonly #options: StagesOptions;
  readonly #attemptNumbers = new AttemptNumbers();
  readonly #mapTasks: readonly TaskSpec[];
  readonly #reduceTasks: readonly TaskSpec[];
  /** The barriers as they were last closed; repairs close them again. */
  #mapBarrier: MapBarrierResult | undefined;
  #reduceBarrier: ReduceBarrierResult | undefined;
  /** Of the repairs, and what made them necessary behind the last barrier. */
  readonly #repairFailures: AttemptFailure[] = [];
  /** Repairs come one after the other: each closes the map barrier, which must not see another's gap. */
  #lastRepair: Promise<unknown> = Promise.resolve();

  constructor(options: StagesOptions) {
    this.#options = options;
    this.#mapTasks = mapTasks(options.plan);
    this.#reduceTasks = reduceTasks(options.plan);
  }

  map(): Promise<StageEnd<MapBarrierResult>> {
    const { plan } = this.#options;
    const isPlain = plan.splits.every(({ pieces }) =>
      pieces.every(({ file }) => file.compression === 'none'),
    );
    return runToBarrier({
      stage: 'map',
      tasks: this.#mapTasks,
      run: (tasks) =>
        this.#runStage({ stage: 'map', tasks, ...(isPlain ? { bytesTotal: plan.inputBytes } : {}) }),
      close: () => this.#closeMap(),
    });
  }

  reduce(): Promise<StageEnd<ReduceBarrierResult>> {
    return runToBarrier({
      stage: 'reduce',
      tasks: this.#reduceTasks,
      run: (tasks) => {
        const bytesTotal = this.#mapBarrier!.summaries.reduce(
          (sum, { bytesWritten }) => sum + bytesWritten,
          0,
        );
        return this.#runReduce(tasks, { bytesTotal });
      },
      close: () => this.#closeReduce(),
    });
  }

  async finish<Result>(
    makeResult: (resultSummaries: readonly TaskSummary[]) => Promise<Result>,
  ): Promise<Result> {
    const repairs = new Map<RepairTarget, number>();
    for (;;) {
      const summaries = this.#resultSummaries();
      try {
        return await makeResult(summaries);
      } catch (error) {
        const target = repairTarget(error);
        if (target === undefined || target === 'shuffle-index') throw error;
        const before = repairs.get(target) ?? 0;
        if (before === LIMITS.shuffleRepairsMax) throw error;
        repairs.set(target, before + 1);
        const attemptId = summaries[taskIndexOf(target)].attemptId as AttemptId;
        this.#repairFailures.push({ taskId: target, attemptId, error: serializeError(error) });
        await this.#repair(target);
      }
    }
  }

  end(
    stages: readonly StageEnd<{
      readonly missing: readonly number[];
      readonly summaries: readonly TaskSummary[];
    }>[],
  ): Omit<JobStages<unknown>, 'result'> {
    const mapBarrier = this.#mapBarrier!;
    const resultSummaries = this.#resultSummaries();
    return {
      reports: stages.map(({ report }) => report),
      failures: [...stages.flatMap(({ failures }) => failures), ...this.#repairFailures],
      partitionRecords: mapBarrier.partitionRecords,
      resultSummaries,
      allSummaries: stages.length === 1 ? resultSummaries : [...mapBarrier.summaries, ...resultSummaries],
    };
  }

  #resultSummaries(): readonly TaskSummary[] {
    return (this.#reduceBarrier ?? this.#mapBarrier)!.summaries;
  }

  async #repair(target: RepairTarget, lent: Partial<LentToRepair> = {}): Promise<void> {
    const { store, layout, plan, job } = this.#options;
    const { extension } = job.output;
    await discardForRepair([target], { store, layout, settings: plan.settings, extension });
    const onEvent = (event: JobEvent) => this.#tellOfRepair(event);
    const { failures } =
      target === 'shuffle-index' || stageOf(target) === 'map'
        ? await runToBarrier({
            stage: 'map',
            tasks: this.#mapTasks,
            first: target === 'shuffle-index' ? [] : [this.#mapTasks[taskIndexOf(target)]],
            run: (tasks) => this.#runStage({ stage: 'map', tasks, ...lent, onEvent }),
            close: () => this.#closeMap(),
          })
        : await runToBarrier({
            stage: 'reduce',
            tasks: this.#reduceTasks,
            first: [this.#reduceTasks[taskIndexOf(target)]],
            run: (tasks) => this.#runReduce(tasks, { onEvent }),
            close: () => this.#closeReduce(),
          });
    this.#repairFailures.push(...failures);
  }

  #runReduce(tasks: readonly TaskSpec[], options: Partial<StageOptions>): Promise<StageOutcome> {
    const onCorruptShuffle: CorruptShuffleHook = (target, lent) => {
      const repair = this.#lastRepair.then(() => this.#repair(target, lent));
      this.#lastRepair = repair.catch(() => {});
      return repair;
    };
    return this.#runStage({ stage: 'reduce', tasks, onCorruptShuffle, ...options });
  }

  async #closeReduce(): Promise<ReduceBarrierResult> {
    const { plan, store, layout, job } = this.#options;
    const { partitionRecords } = this.#mapBarrier!;
    const { extension } = job.output;
    const barrier = await closeReduceStage({ plan, partitionRecords, store, layout, extension });
    if (barrier.missing.length === 0) this.#reduceBarrier = barrier;
    return barrier;
  }

  async #closeMap(): Promise<MapBarrierResult> {
    const { plan, store, layout, job } = this.#options;
    const barrier = await closeMapStage({ plan, store, layout, extension: job.output.extension });
    if (barrier.missing.length === 0) this.#mapBarrier = barrier;
    return barrier;
  }

  #runStage(stage: Pick<StageOptions, 'stage' | 'tasks'> & Partial<StageOptions>) {
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

  /** Attempts of a repair are told; that a map stage starts and ends amid the reduce stage is not. */
  #tellOfRepair(event: JobEvent): void {
    if (event.kind.startsWith('attempt-')) this.#options.onEvent?.(event);
  }
}
