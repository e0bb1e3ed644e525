/**
 * A whole job on this machine: plan, map, barrier, reduce, barrier, commit. The same engine and the same commit
 * protocol as on AWS, over a file store, with worker threads in the place of Lambdas.
 *
 * The output folder is a result or it is not: a job that fails or is cancelled takes away what it had written.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { commitJob, jobCounters, partReports, removeWork } from '../commit/commit-job.ts';
import { mergeParts } from '../commit/merge-parts.ts';
import type { TaskSummary } from '../commit/task-summary.ts';
import { isMapReduceError, MapReduceError } from '../errors.ts';
import { attemptId, type JobId, jobId, type Stage, type TaskId } from '../ids.ts';
import { listLocalInputs } from '../input/list-inputs.ts';
import type { Job } from '../job.ts';
import { resolveParameters } from '../plan/parameters.ts';
import { planJob } from '../plan/plan-job.ts';
import type { JobEvent, JobReport, PartReport } from '../report.ts';
import { DEFAULT_POLICY } from '../schedule/policy.ts';
import { HIDDEN_FOLDER } from '../storage/file-listing.ts';
import { FileStore } from '../storage/file-store.ts';
import type { BlockCompression, JobLayout, JobPlan } from '../task.ts';
import { type CheckedNumbers, checkOptions } from './check-options.ts';
import { type JobStages, runStages } from './job-stages.ts';
import { loadJob } from './load-job.ts';
import { callingThreadPool, type LocalPool, threadPool } from './local-pool.ts';
import { claimOutput, releaseOutput } from './output-claim.ts';
import { dropReplaced, prepareOutput, restoreReplaced, WORK_FOLDER } from './output-folder.ts';
import type { EmbeddedRunOptions } from './run-options.ts';
import { Scratch } from './scratch.ts';
import type { WorkerOutput } from './worker-output.ts';
import type { WorkerPool } from './worker-pool.ts';

/** On a local disk, reading back what was not compressed costs less than the time to compress it. */
const COMPRESSION: BlockCompression = { codec: 'none' };

export interface EmbeddedRunHooks {
  /** What user code prints on worker threads. Default: to this process's own streams. */
  readonly onOutput?: (output: WorkerOutput) => void;
  /** For tests that kill workers. */
  readonly onPool?: (pool: WorkerPool) => void;
}

/** Rejects with a MapReduceError, after all that the job had started is stopped and removed. */
export async function runEmbedded(
  options: EmbeddedRunOptions,
  hooks: EmbeddedRunHooks = {},
): Promise<JobReport> {
  const numbers = checkOptions(options);
  const outputFolder = resolve(options.output);
  const scratch = new Scratch(join(outputFolder, HIDDEN_FOLDER));
  const pool = makePool(options, { numbers, scratch, hooks });
  try {
    return await runJob(options, { numbers, scratch, pool, outputFolder });
  } finally {
    await pool.close();
  }
}

interface Run {
  readonly numbers: CheckedNumbers;
  readonly scratch: Scratch;
  readonly pool: LocalPool;
  readonly outputFolder: string;
}

async function runJob(options: EmbeddedRunOptions, run: Run): Promise<JobReport> {
  const startedAt = new Date();
  const startedMs = performance.now();
  const job = await loadJob(options.jobModule);
  const inputs = new FileStore({ root: '/' });
  const store = new FileStore({ root: run.outputFolder });
  const id = newJobId(job, startedAt);
  const plan = await planJob({
    job,
    jobId: id,
    params: resolveParameters(job, options.params ?? {}),
    files: await listLocalInputs(inputs, options.inputs),
    inputs,
    ...(options.splitSizeBytes === undefined ? {} : { splitSizeBytes: options.splitSizeBytes }),
    ...(options.reducers === undefined ? {} : { reducers: options.reducers }),
    compression: COMPRESSION,
    merge: options.merge ?? false,
  });
  await claimOutput(store, id);
  try {
    await run.scratch.removeOthers();
    await store.cleanup();
    await prepareOutput(store, { output: options.output, overwrite: options.overwrite ?? false });
    const report = await runPlanned(plan, { options, run, job, store, startedAt, startedMs });
    options.onEvent?.({ kind: 'committed', report });
    return report;
  } finally {
    await run.pool.close();
    // What cannot be removed, the next job removes.
    await run.scratch.remove().catch(() => {});
    await store.cleanup({ forgetMetadata: true }).catch(() => {});
    await releaseOutput(store, id);
  }
}

async function runPlanned(
  plan: JobPlan,
  {
    options,
    run,
    job,
    store,
    startedAt,
    startedMs,
  }: {
    options: EmbeddedRunOptions;
    run: Run;
    job: Job;
    store: FileStore;
    startedAt: Date;
    startedMs: number;
  },
): Promise<JobReport> {
  const layout: JobLayout = { workPrefix: `${WORK_FOLDER}${plan.settings.jobId}/`, outputPrefix: '' };
  let report: JobReport;
  try {
    tellPlanned(plan, options.onEvent);
    const stageStarts = new Map<Stage, number>();
    const onEvent = (event: JobEvent) => {
      if (event.kind === 'stage-started' && !stageStarts.has(event.stage)) {
        stageStarts.set(event.stage, Math.round(performance.now() - startedMs));
      }
      options.onEvent?.(event);
    };
    const stagesOptions = {
      job,
      plan,
      store,
      layout,
      pool: run.pool.open(job, { settings: plan.settings, layout, storeRoot: run.outputFolder }),
      policy: run.numbers.policy,
      ...(options.signal ? { signal: options.signal } : {}),
      onEvent,
    };
    const stages = await runStages(stagesOptions, (summaries) =>
      partsOf(plan, { job, store, layout, summaries, run, signal: options.signal }),
    );
    throwIfAborted(options.signal);
    const reports = stages.reports.map((stage) => {
      const startMs = stageStarts.get(stage.stage);
      return startMs === undefined ? stage : { ...stage, startMs };
    });
    report = {
      ...reportOf(plan, { ...stages, reports }),
      startedAt: startedAt.toISOString(),
      wallMs: Math.round(performance.now() - startedMs),
    };
    await commitJob({ report, store, layout });
  } catch (error) {
    // Where that fails the folder has no _SUCCESS; why the job failed matters more.
    await restoreReplaced(store).catch(() => {});
    await removeWork(store, layout).catch(() => {});
    throw error;
  }
  // The result is whole: what cannot be removed now is no reason to take it away.
  await removeWork(store, layout).catch(() => {});
  await dropReplaced(store).catch(() => {});
  return report;
}

function makePool(
  { jobModule }: EmbeddedRunOptions,
  { numbers, scratch, hooks }: { numbers: CheckedNumbers; scratch: Scratch; hooks: EmbeddedRunHooks },
): LocalPool {
  const { workers, memoryBytes } = numbers;
  if (workers === 'sequential') return callingThreadPool({ memoryBytes, scratch });
  const { onOutput, onPool } = hooks;
  const local = threadPool({ workers, jobModule, memoryBytes, scratch, ...(onOutput ? { onOutput } : {}) });
  onPool?.(local.pool);
  return local;
}

async function partsOf(
  plan: JobPlan,
  options: {
    job: Job;
    store: FileStore;
    layout: JobLayout;
    summaries: readonly TaskSummary[];
    run: Run;
    signal: AbortSignal | undefined;
  },
): Promise<PartReport[]> {
  const { job, store, layout, summaries, run, signal } = options;
  const { extension } = job.output;
  if (!plan.settings.merge) return partReports(plan, summaries, extension);
  const scratchFolder = run.scratch.attemptFolder(attemptId('merge' as TaskId, 0));
  await mkdir(scratchFolder, { recursive: true });
  const merged = await mergeParts({
    plan,
    store,
    layout,
    extension,
    memoryBytes: run.numbers.memoryBytes,
    scratchFolder,
    control: { check: () => throwIfAborted(signal) },
  });
  return [merged];
}

function reportOf(plan: JobPlan, stages: JobStages<PartReport[]>): Omit<JobReport, 'startedAt' | 'wallMs'> {
  const { settings, splits, inputBytes, inputFiles } = plan;
  return {
    formatVersion: 1,
    jobId: settings.jobId,
    jobName: settings.jobName,
    params: settings.params,
    input: { files: inputFiles, bytes: inputBytes, splits: splits.length },
    reducers: settings.reducers,
    stages: stages.reports,
    parts: stages.result,
    partitionRecords: stages.partitionRecords,
    counters: jobCounters(stages.allSummaries),
    failures: stages.failures.slice(-DEFAULT_POLICY.failuresKeptMax),
  };
}

function tellPlanned(
  { settings, splits, inputBytes, inputFiles }: JobPlan,
  onEvent?: (event: JobEvent) => void,
): void {
  onEvent?.({
    kind: 'planned',
    jobId: settings.jobId,
    files: inputFiles,
    bytes: inputBytes,
    mapTasks: splits.length,
    reducers: settings.reducers,
  });
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  if (isMapReduceError(signal.reason)) throw signal.reason;
  throw new MapReduceError('CancelledError', 'the job was cancelled', { cause: signal.reason });
}

/** A job's name, the second it started in, and what tells two such jobs apart. */
function newJobId({ name }: Job, at: Date): JobId {
  const second = Math.floor(at.getTime() / 1000).toString(36);
  return jobId(`${name}-${second}-${randomBytes(4).toString('hex')}`);
}
