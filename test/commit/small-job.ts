/**
 * Runs a whole job in this thread, step by step, as a coordinator would: plan, map tasks, barrier, reduce tasks,
 * barrier, merge, commit. A step that fails is retried; a task is retried as a new attempt.
 */

import type { Job } from '../../src/api/job.ts';
import { resolveParameters } from '../../src/api/parameters.ts';
import { attemptId, jobId } from '../../src/base/ids.ts';
import { MiB } from '../../src/base/limits.ts';
import { removeStrayFiles } from '../../src/commit/stray-files.ts';
import { mergedFormatOf } from '../../src/formats/merged-format.ts';
import { runMapTask } from '../../src/map/map-task.ts';
import { listStoredInputs } from '../../src/plan/inputs/list-stored-inputs.ts';
import { planJob } from '../../src/plan/plan-job.ts';
import { tasksOf } from '../../src/plan/stages.ts';
import type { JobPlan, TaskEnvironment, TaskSpec } from '../../src/plan/task.ts';
import type { InputFile } from '../../src/read/input-file.ts';
import { runReduceTask } from '../../src/reduce/reduce-task.ts';
import type { JobReport, PartReport } from '../../src/report/report.ts';
import type { TaskResult, TaskSummary } from '../../src/report/task-summary.ts';
import type { BlockCompression } from '../../src/shuffle/block.ts';
import { commitJob, removeWork } from '../../src/stages/commit-job.ts';
import { jobBadRecords } from '../../src/stages/job-bad-records.ts';
import { jobReport } from '../../src/stages/job-report.ts';
import { closeMapStage } from '../../src/stages/map-barrier.ts';
import { mergeParts } from '../../src/stages/merge-parts.ts';
import { closeReduceStage } from '../../src/stages/reduce-barrier.ts';
import { resultParts } from '../../src/stages/result-parts.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { environmentOf, LAYOUT, NO_CONTROL } from './environment.ts';

export interface SmallJobOptions {
  readonly job: Job;
  /** Contains the input below 'in/', or named inputs below 'in/<name>/'. */
  readonly store: ObjectStore;
  /** An existing folder. All attempts share it, so each one finds the files that earlier attempts left. */
  readonly scratch: string;
  readonly splitSizeBytes?: number;
  readonly reducers?: number;
  readonly merge?: boolean;
  readonly compression?: BlockCompression;
  readonly memoryBytes?: number;
  /** Called for each failure; returns true to retry the step. */
  readonly retry?: (error: unknown) => boolean;
  readonly onPlanned?: (plan: JobPlan) => void;
  /** The order in which the tasks of a stage run. */
  readonly shuffled?: (tasks: readonly TaskSpec[]) => readonly TaskSpec[];
}

export interface SmallJobEnd {
  readonly plan: JobPlan;
  readonly report: JobReport;
  readonly results: readonly TaskResult[];
  readonly summaries: readonly TaskSummary[];
}

export async function runSmallJob(options: SmallJobOptions): Promise<SmallJobEnd> {
  const { job, store, merge = false } = options;
  const { extension } = job.output;
  const steps = new Steps(options);
  const plan = await steps.run(async () =>
    planJob({
      job,
      jobId: SMALL_JOB,
      params: resolveParameters(job, {}),
      files: await filesOf(job, store),
      inputs: store,
      ...(options.splitSizeBytes === undefined ? {} : { splitSizeBytes: options.splitSizeBytes }),
      ...(options.reducers === undefined ? {} : { reducers: options.reducers }),
      compression: options.compression ?? { codec: 'none' },
      merge,
    }),
  );
  options.onPlanned?.(plan);
  const map = await steps.stage(plan, tasksOf(plan, 'map'), () =>
    closeMapStage({ plan, store, layout: LAYOUT, extension }),
  );
  const reduce =
    plan.settings.reducers === 0
      ? undefined
      : await steps.stage(plan, tasksOf(plan, 'reduce'), () =>
          closeReduceStage({
            plan,
            partitionRecords: map.partitionRecords,
            store,
            layout: LAYOUT,
            extension,
          }),
        );
  const last = reduce ?? map;
  const parts: PartReport[] = merge
    ? [
        await steps.run(() =>
          mergeParts({
            plan,
            store,
            layout: LAYOUT,
            format: mergedFormatOf(job.output.sinks[0]!.sink),
            memoryBytes: options.memoryBytes ?? 64 * MiB,
            scratchFolder: options.scratch,
            control: NO_CONTROL,
          }),
        ),
      ]
    : await steps.run(() =>
        resultParts(plan, { store, layout: LAYOUT, extension, summaries: last.summaries }),
      );
  const summaries = reduce === undefined ? map.summaries : [...map.summaries, ...reduce.summaries];
  const report = jobReport(plan, {
    startedAt: new Date('2026-01-01T00:00:00.000Z'),
    wallMs: 0,
    stages: [],
    parts,
    partitionRecords: map.partitionRecords,
    summaries,
    failures: [],
  });
  const badRecords = jobBadRecords(summaries);
  await steps.run(() =>
    removeStrayFiles(store, {
      outputPrefix: LAYOUT.outputPrefix,
      parts,
      isOurs: (writer) => writer === SMALL_JOB,
    }),
  );
  await steps.run(() => commitJob({ report, badRecords, store, layout: LAYOUT }));
  await steps.run(() => removeWork(store, LAYOUT));
  return { plan, report, results: steps.results, summaries };
}

async function filesOf(job: Job, store: ObjectStore): Promise<InputFile[][]> {
  return await Promise.all(
    job.inputs.map(async ({ name, source }) => {
      const isGenerated = typeof source.cuts === 'object' && 'generate' in source.cuts;
      return isGenerated ? [] : await listStoredInputs(store, [name === undefined ? 'in/' : `in/${name}/`]);
    }),
  );
}

const SMALL_JOB = jobId('small');
const ROUNDS_MAX = 5;
const TRIES_MAX = 5;

class Steps {
  readonly results: TaskResult[] = [];
  readonly #options: SmallJobOptions;
  #attempts = 0;

  constructor(options: SmallJobOptions) {
    this.#options = options;
  }

  async run<T>(step: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await step();
      } catch (error) {
        if (tries === TRIES_MAX || this.#options.retry?.(error) !== true) throw error;
      }
    }
  }

  /** Runs the tasks, then repeats those that the barrier reports as missing. */
  async stage<B extends { readonly missing: readonly number[] }>(
    plan: JobPlan,
    tasks: readonly TaskSpec[],
    close: () => Promise<B>,
  ): Promise<B> {
    let missing = this.#options.shuffled?.(tasks) ?? tasks;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      for (const spec of missing) this.results.push(await this.run(() => this.#attempt(plan, spec)));
      const barrier = await this.run(close);
      if (barrier.missing.length === 0) return barrier;
      missing = barrier.missing.map((index) => tasks[index]!);
    }
    throw new Error(
      `tasks are still missing after ${ROUNDS_MAX} rounds: ${missing.map(({ taskId }) => taskId)}`,
    );
  }

  #attempt(plan: JobPlan, spec: TaskSpec): Promise<TaskResult> {
    const { job, store, scratch, memoryBytes } = this.#options;
    return runTask(spec, this.#attempts++, {
      ...environmentOf(job, { store, scratch, ...(memoryBytes === undefined ? {} : { memoryBytes }) }),
      settings: plan.settings,
    });
  }
}

export function runTask(
  spec: TaskSpec,
  attempt: string | number,
  environment: TaskEnvironment,
): Promise<TaskResult> {
  const id = attemptId(spec.taskId, attempt);
  return spec.stage === 'map' ? runMapTask(spec, id, environment) : runReduceTask(spec, id, environment);
}

/** Returns all objects below a prefix, by key. */
export async function objectsBelow(store: ObjectStore, prefix: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { key } of store.list(prefix)) found[key] = (await store.get(key)).toString('latin1');
  return found;
}

/** Returns the content of all parts, in order, as one text. */
export function partsOf(objects: Readonly<Record<string, string>>): string {
  return Object.keys(objects)
    .filter((key) => /\/(part-|merged)/.test(key))
    .sort()
    .map((key) => objects[key])
    .join('');
}
