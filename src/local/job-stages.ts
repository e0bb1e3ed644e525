/** Map, barrier, reduce, barrier; and back to a map task when its shuffle object turns out corrupt. */
import { closeMapStage, committedShuffleKey, type MapBarrierResult } from '../commit/map-barrier.ts';
import { closeReduceStage } from '../commit/reduce-barrier.ts';
import type { TaskSummary } from '../commit/task-summary.ts';
import type { Job } from '../job.ts';
import { mapTasks, reduceTasks } from '../plan/plan-job.ts';
import type { AttemptFailure, JobEvent, StageReport } from '../report.ts';
import { AttemptNumbers } from '../schedule/attempt-numbers.ts';
import { systemClock } from '../schedule/clock.ts';
import type { ExecutorPool } from '../schedule/executor-pool.ts';
import type { StagePolicy } from '../schedule/policy.ts';
import {
  type CorruptShuffleHook,
  type LentToRepair,
  runStage,
  type StageOptions,
} from '../schedule/run-stage.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { JobLayout, JobPlan, TaskSpec } from '../task.ts';
import { runToBarrier, type StageEnd } from './stage-to-barrier.ts';

export interface StagesOptions {
  readonly job: Job;
  readonly plan: JobPlan;
  readonly store: ObjectStore;
  readonly layout: JobLayout;
  readonly pool: ExecutorPool;
  readonly policy: Partial<StagePolicy>;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: JobEvent) => void;
}

export interface JobStages {
  readonly reports: readonly StageReport[];
  readonly failures: readonly AttemptFailure[];
  readonly partitionRecords: readonly number[];
  /** Of the tasks that wrote the parts. */
  readonly resultSummaries: readonly TaskSummary[];
  readonly allSummaries: readonly TaskSummary[];
}

export async function runStages(options: StagesOptions): Promise<JobStages> {
  const stages = new Stages(options);
  const map = await stages.map();
  if (options.plan.settings.reducers === 0) return stages.end([map]);
  const reduce = await stages.reduce();
  return stages.end([map, reduce]);
}

class Stages {
  readonly #options: StagesOptions;
  readonly #attemptNumbers = new AttemptNumbers();
  readonly #mapTasks: readonly TaskSpec[];
  /** The map barrier as it was last closed; repairs close it again. */
  #mapBarrier: MapBarrierResult | undefined;
  readonly #repairs: StageEnd<MapBarrierResult>[] = [];
  /** Repairs come one after the other: each closes the map barrier, which must not see another's gap. */
  #lastRepair: Promise<unknown> = Promise.resolve();

  constructor(options: StagesOptions) {
    this.#options = options;
    this.#mapTasks = mapTasks(options.plan);
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

  reduce(): Promise<StageEnd<Awaited<ReturnType<typeof closeReduceStage>>>> {
    const { plan, store, layout, job } = this.#options;
    const { extension } = job.output;
    const onCorruptShuffle: CorruptShuffleHook = (mapTaskIndex, lent) => {
      const repair = this.#lastRepair.then(() => this.#repair(mapTaskIndex, lent));
      this.#lastRepair = repair.catch(() => {});
      return repair;
    };
    return runToBarrier({
      stage: 'reduce',
      tasks: reduceTasks(plan),
      run: (tasks) => {
        const bytesTotal = this.#mapBarrier!.summaries.reduce(
          (sum, { bytesWritten }) => sum + bytesWritten,
          0,
        );
        return this.#runStage({ stage: 'reduce', tasks, onCorruptShuffle, bytesTotal });
      },
      close: () => {
        const { partitionRecords } = this.#mapBarrier!;
        return closeReduceStage({ plan, partitionRecords, store, layout, extension });
      },
    });
  }

  end(
    stages: readonly StageEnd<{
      readonly missing: readonly number[];
      readonly summaries: readonly TaskSummary[];
    }>[],
  ): JobStages {
    const mapBarrier = this.#mapBarrier!;
    const resultSummaries = stages.length === 1 ? mapBarrier.summaries : stages[1].barrier.summaries;
    return {
      reports: stages.map(({ report }) => report),
      failures: [...stages, ...this.#repairs].flatMap(({ failures }) => failures),
      partitionRecords: mapBarrier.partitionRecords,
      resultSummaries,
      allSummaries: stages.length === 1 ? resultSummaries : [...mapBarrier.summaries, ...resultSummaries],
    };
  }

  /** The object that is there would win against any new attempt: it goes first. */
  async #repair(mapTaskIndex: number, { pool, signal }: LentToRepair): Promise<void> {
    const { store, layout } = this.#options;
    await store.delete([committedShuffleKey(layout, mapTaskIndex)]);
    const end = await runToBarrier({
      stage: 'map',
      tasks: this.#mapTasks,
      first: [this.#mapTasks[mapTaskIndex]],
      run: (tasks) =>
        this.#runStage({ stage: 'map', tasks, pool, signal, onEvent: (event) => this.#tellOfRepair(event) }),
      close: () => this.#closeMap(),
    });
    this.#repairs.push(end);
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
