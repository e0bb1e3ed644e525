/** The steps of an embedded run (embedded-run.ts) after its first worker has been started. */
import { mkdir } from 'node:fs/promises';
import type { JobDescription } from '../../api/job-description.ts';
import { resolveParameters } from '../../api/parameters.ts';
import { BoundedList } from '../../base/bounded-list.ts';
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import { type JobId, jobId, type Stage, taskId } from '../../base/ids.ts';
import { LIMITS, MiB } from '../../base/limits.ts';
import { randomHex } from '../../base/random-hex.ts';
import { namesOfInputs } from '../../plan/inputs/named-inputs.ts';
import { lastStage, plannedEvent, taskCounts } from '../../plan/stages.ts';
import type { JobPlan } from '../../plan/task.ts';
import type { InputFile } from '../../read/input-file.ts';
import type { AttemptRow } from '../../report/attempt-rows.ts';
import type { JobEvent, JobReport, PartReport } from '../../report/report.ts';
import {
  ATTEMPTS_NAME,
  BAD_RECORDS_NAME,
  MANIFEST_NAME,
  mergedName,
  partName,
  SUCCESS_NAME,
} from '../../report/result-names.ts';
import type { BadRecordsSummary, TaskSummary } from '../../report/task-summary.ts';
import type { BlockCompression } from '../../shuffle/block.ts';
import { commitJob } from '../../stages/commit-job.ts';
import { jobBadRecords } from '../../stages/job-bad-records.ts';
import { jobReport } from '../../stages/job-report.ts';
import { DEFAULT_POLICY } from '../../stages/policy.ts';
import { resultParts } from '../../stages/result-parts.ts';
import { FileStore } from '../../storage/file/file-store.ts';
import { JOB_FOLDER_LAYOUT, type JobFolder } from '../output/job-folder.ts';
import { OutputClaim } from '../output/output-claim.ts';
import {
  checkResults,
  publish,
  type ResultCheck,
  recover,
  removeDone,
  undo,
} from '../output/output-folder.ts';
import { makeOutputRoot, removeMade } from '../output/output-root.ts';
import type { LocalPool } from '../threads/local-pool.ts';
import type { CheckedNumbers } from './check-options.ts';
import { runStages } from './job-stages.ts';
import { LocalInputs } from './local-inputs.ts';
import type { LocalJob } from './local-job.ts';
import type { EmbeddedRunOptions } from './run-options.ts';
import type { Scratch } from './scratch.ts';

/** On a local disk, reading uncompressed data costs less time than compressing it would. */
const COMPRESSION: BlockCompression = { codec: 'none' };

/** With less input than this, a further worker would take longer to start than the first one takes for all the work. */
const WARM_UP_BYTES = 16 * MiB;

export interface Run {
  readonly numbers: CheckedNumbers;
  readonly scratch: Scratch;
  readonly local: LocalPool;
  readonly folder: JobFolder;
  readonly onWait: (message: string) => void;
  readonly startedAt: Date;
  /** A value of performance.now(). */
  readonly startedMs: number;
}

/** Does what runEmbedded() describes. The caller closes the pool. */
export async function runJob(options: EmbeddedRunOptions, run: Run): Promise<JobReport> {
  const { folder, startedAt, startedMs } = run;
  // The inputs are listed while the job loads. If both fail, the run reports the error of the job.
  const inputs = new LocalInputs(folder.root);
  inputs.listEarly(options.inputs, (files) => warmUp(files, run));
  const job = await cancellable(run.local.describe(), 'its module was being loaded', options.signal);
  const id = newJobId(job, startedAt);
  const params = resolveParameters(job, options.params ?? {});
  const planned = run.local.plan({
    jobId: id,
    params,
    files: await inputs.list(namesOfInputs(job, options.inputs)),
    leftOut: inputs.leftOut,
    ...(options.splitSizeBytes === undefined ? {} : { splitSizeBytes: options.splitSizeBytes }),
    ...(options.reducers === undefined ? {} : { reducers: options.reducers }),
    compression: COMPRESSION,
    merge: options.merge ?? false,
  });
  const plan = await cancellable(planned, 'it was being planned', options.signal);
  const made = await makeOutputRoot(folder.root);
  let isCommitted = false;
  try {
    const claim = await OutputClaim.take(folder, {
      jobId: id,
      signal: options.signal,
      onWait: run.onWait,
    }).catch(async (error: unknown) => {
      await folder.remove();
      throw error;
    });
    try {
      const report = await runClaimed(plan, { options, run, job, claim, startedAt, startedMs });
      isCommitted = true;
      options.onEvent?.({ kind: 'committed', report });
      return report;
    } finally {
      // If something cannot be removed, the next run removes it.
      await run.scratch.remove().catch(() => {});
      await claim.release().catch(() => {});
    }
  } finally {
    if (!isCommitted) await removeMade(made);
  }
}

interface ClaimedRun {
  readonly options: EmbeddedRunOptions;
  readonly run: Run;
  readonly job: JobDescription;
  readonly claim: OutputClaim;
  readonly startedAt: Date;
  readonly startedMs: number;
}

/** Runs the job, commits it in the run's own folder and publishes the result. If that fails, it undoes what it published. */
async function runClaimed(plan: JobPlan, claimed: ClaimedRun): Promise<JobReport> {
  const { options, run, job, claim } = claimed;
  const { folder, local } = run;
  const store = new FileStore({ root: folder.path });
  const signal = options.signal ? AbortSignal.any([options.signal, claim.lost]) : claim.lost;
  const check = resultCheck(plan, job, options);
  let report: JobReport;
  let closed: Promise<void>;
  try {
    const done = await recover(folder, claim);
    await checkResults(folder.root, check).finally(() => removeDone(done));
    options.onEvent?.(plannedEvent(plan));
    const finished = await runPlanned(plan, claimed, { store, signal });
    report = finished.report;
    // No task is left, and ending the threads takes as long as the commit.
    closed = local.pool.close();
    await commitJob({ ...finished, store, layout: JOB_FOLDER_LAYOUT });
    await publish(folder, claim, check);
  } catch (error) {
    await local.pool.close();
    throw await withdrawn(error, { folder, claim, isCancelled: options.signal?.aborted ?? false });
  }
  // The result is complete. If a folder cannot be removed now, that is no reason to remove the result.
  await closed;
  await folder.remove();
  return report;
}

/** Runs the stages, which write only to the run's own folder, and assembles the report. */
async function runPlanned(
  plan: JobPlan,
  { options, run, job, startedAt, startedMs }: ClaimedRun,
  { store, signal }: { store: FileStore; signal: AbortSignal },
): Promise<{
  report: JobReport;
  attempts: readonly AttemptRow[];
  badRecords: BadRecordsSummary | undefined;
}> {
  const { local, folder, numbers } = run;
  const layout = JOB_FOLDER_LAYOUT;
  const elapsedMs = () => Math.round(performance.now() - startedMs);
  const stageStarts = new Map<Stage, number>();
  const attempts = new BoundedList<AttemptRow>(LIMITS.attemptsListedMax);
  const onEvent = (event: JobEvent) => {
    if (event.kind === 'stage-started' && !stageStarts.has(event.stage)) {
      stageStarts.set(event.stage, elapsedMs());
    }
    if ('row' in event && event.row !== undefined) attempts.add(event.row);
    options.onEvent?.(event);
  };
  local.pool.configure({ settings: plan.settings, layout, storeRoot: folder.path } satisfies LocalJob);
  const stages = await runStages(
    { job, plan, store, layout, pool: local.pool, policy: numbers.policy, signal, onEvent },
    (summaries) => partsOf(plan, { job, store, summaries, run, signal }),
  );
  throwIfAborted(signal);
  const reports = stages.reports.map((stage) => {
    const startMs = stageStarts.get(stage.stage);
    return startMs === undefined ? stage : { ...stage, startMs };
  });
  const report = jobReport(plan, {
    startedAt,
    wallMs: elapsedMs(),
    stages: reports,
    parts: stages.result,
    partitionRecords: stages.partitionRecords,
    summaries: stages.allSummaries,
    failures: stages.failures.slice(-DEFAULT_POLICY.failuresKeptMax),
    notices: numbers.notices,
  });
  return { report, attempts: attempts.toArray(), badRecords: jobBadRecords(stages.allSummaries) };
}

/**
 * Undoes what a failed job had published.
 *
 * @returns why the job failed. If the claim was lost, that is the cause of all other errors.
 */
async function withdrawn(
  error: unknown,
  { folder, claim, isCancelled }: { folder: JobFolder; claim: OutputClaim; isCancelled: boolean },
): Promise<unknown> {
  try {
    await claim.assertHeld();
  } catch (lost) {
    await folder.removeRemainder();
    return isCancelled ? error : lost;
  }
  try {
    await undo(folder.path, folder.root);
    await folder.remove();
  } catch {
    // The next run undoes the rest. The error of the job is more important than this one.
  }
  return error;
}

/** Starts further workers, which load the job while the first one plans it, if there is enough work for them. */
function warmUp(files: readonly InputFile[], { local, numbers }: Run): void {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (bytes >= WARM_UP_BYTES) local.pool.warmUp(numbers.workers);
}

function resultCheck(
  plan: JobPlan,
  { output: { extension, sinks } }: JobDescription,
  { output, overwrite = false }: EmbeddedRunOptions,
): ResultCheck {
  const { settings } = plan;
  const stage = lastStage(settings);
  const parts = Array.from({ length: taskCounts(plan)[stage] }, (_, index) =>
    partName(taskId(stage, index), extension),
  );
  // The names of several files per task carry the attempt, so they are known only at the end.
  const results = settings.merge ? [mergedName(extension)] : settings.severalFiles ? [] : parts;
  const list = settings.onBadRecord === undefined ? [] : [BAD_RECORDS_NAME];
  const folders = sinks.map(({ name }) => name).filter((name) => name !== undefined);
  const names = new Set([MANIFEST_NAME, ATTEMPTS_NAME, SUCCESS_NAME, ...list, ...results]);
  return { output, overwrite, extension, folders, willWrite: (name) => names.has(name) };
}

async function partsOf(
  plan: JobPlan,
  options: {
    job: JobDescription;
    store: FileStore;
    summaries: readonly TaskSummary[];
    run: Run;
    signal: AbortSignal;
  },
): Promise<PartReport[]> {
  const { job, store, summaries, run, signal } = options;
  const { extension } = job.output;
  if (!plan.settings.merge) {
    return await resultParts(plan, { store, layout: JOB_FOLDER_LAYOUT, extension, summaries });
  }
  const scratchFolder = run.scratch.mergeFolder();
  await mkdir(scratchFolder, { recursive: true });
  // Loaded only for this: it would add a tenth to the modules of a run that does not merge.
  const { mergeParts } = await import('../../stages/merge-parts.ts');
  const merged = await mergeParts({
    plan,
    store,
    layout: JOB_FOLDER_LAYOUT,
    // The plan refuses to merge what has no such format.
    format: job.output.merged!,
    memoryBytes: run.numbers.memoryBytes,
    scratchFolder,
    control: { check: () => throwIfAborted(signal) },
  });
  return [merged];
}

/** If the work fails because the signal was aborted, the error says what the job was doing. */
async function cancellable<T>(work: Promise<T>, when: string, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new MapReduceError('CancelledError', `the job was cancelled while ${when}`, {
      cause: signal.reason,
    });
  }
}

function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  if (isMapReduceError(signal.reason)) throw signal.reason;
  throw new MapReduceError('CancelledError', 'the job was cancelled', { cause: signal.reason });
}

/** Combines the name of the job, the second in which it started, and random digits. */
function newJobId({ name }: JobDescription, at: Date): JobId {
  const second = Math.floor(at.getTime() / 1000).toString(36);
  return jobId(`${name}-${second}-${randomHex(8)}`);
}
