/**
 * Follows a job until it ends, and reports its progress with the events of a local run, so that both are shown in the same
 * way. It counts the objects in the bucket that tasks have committed; the execution says how the job ended.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { isMapReduceError } from '../../base/errors.ts';
import { type JobId, type Stage, taskIdOf } from '../../base/ids.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { sum, sumOf } from '../../base/sum.ts';
import { plannedEvent, stagesOf, taskCounts } from '../../plan/stages.ts';
import type { JobPlan, Split } from '../../plan/task.ts';
import type { JobEvent, StageProgress, StageReport } from '../../report/report.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { findFailure } from '../protocol/attempt-failures.ts';
import {
  type AttemptFailureDocument,
  findDocument,
  type PlanDocument,
  type StageDocument,
} from '../protocol/documents.ts';
import { attemptOfFailureKey, planKey, stageKey } from '../protocol/keys.ts';
import type { Deployment } from './deployment.ts';
import { findExecution, type JobExecution } from './executions.ts';
import { type JobStart, type JobStatus, type StageCommits, statusOf } from './job-status.ts';
import { RunningTasks } from './running-tasks.ts';

const POLL_MS_MIN = 200;
const POLL_MS_MAX = 3_000;
/** A job of minutes need not be polled five times a second. */
const POLL_FRACTION = 0.1;
/** Bytes are counted per committed task, and several tasks may commit in one second and none in the next ten. */
const RATE_WINDOW_MS = 60_000;
/** Of the attempts that failed since the last poll. */
const FAILURES_READ_MAX = 16;

export interface WatchOptions {
  readonly onEvent: (event: JobEvent) => void;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  /** Stops before the end of the job once this returns true. */
  readonly until?: (status: JobStatus) => boolean;
}

/**
 * @returns the status of a job that is no longer running, or of the first for which `until` returns true. Throws the
 * signal's reason.
 */
export async function watchJob(
  deployment: Deployment,
  start: JobStart,
  { onEvent, signal, nowMs, until }: WatchOptions,
): Promise<JobStatus> {
  const { jobId: job } = start;
  const startedMs = nowMs();
  const events = new StatusEvents(deployment, onEvent, nowMs);
  let plan: PlanDocument | undefined = start.plan;
  let execution: JobExecution | undefined = start.execution;
  for (;;) {
    plan ??= await findDocument<PlanDocument>(deployment.store, planKey(job));
    const status = await statusOf(deployment, { job, execution, plan });
    await events.tell(status);
    if (execution?.status !== 'RUNNING' || until?.(status)) return status;
    const elapsedMs = nowMs() - startedMs;
    const pauseMs = Math.min(POLL_MS_MAX, Math.max(POLL_MS_MIN, elapsedMs * POLL_FRACTION));
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
    signal.throwIfAborted();
    // Step Functions may not yet find an execution that was just started.
    execution = (await findExecution(deployment, execution)) ?? execution;
  }
}

class StatusEvents {
  readonly #deployment: Deployment;
  readonly #onEvent: (event: JobEvent) => void;
  readonly #nowMs: () => number;
  #stage: { readonly stage: Stage; readonly startedMs: number } | undefined;
  #isPlanned = false;
  readonly #toldFailures = new Set<string>();
  #records: readonly number[] | undefined;
  #isCounted = false;
  #isRefused = false;
  readonly #running: RunningTasks;

  constructor(deployment: Deployment, onEvent: (event: JobEvent) => void, nowMs: () => number) {
    this.#deployment = deployment;
    this.#onEvent = onEvent;
    this.#nowMs = nowMs;
    this.#running = new RunningTasks(deployment);
  }

  async tell(status: JobStatus): Promise<void> {
    if (status.plan === undefined) return;
    this.#tellPlan(status.plan);
    await this.#tellFailures(status);
    await this.#tellStages(status, status.plan.plan);
  }

  /** Ends the stages before the running one, and reports the progress of the running one. */
  async #tellStages(status: JobStatus, plan: JobPlan): Promise<void> {
    const counts = taskCounts(plan);
    const { committed, phase } = status;
    const isCommitting = phase === 'committing';
    const stages = stagesOf(plan.settings);
    if (!isCommitting && !stages.some((stage) => stage === phase)) return;
    let before: Stage | undefined;
    for (const stage of stages) {
      const commits = committed.stages[stage];
      const read =
        before === undefined
          ? readOfInput(plan, commits)
          : readOfShuffle(commits, {
              shuffleBytes: committed.stages[before].bytes,
              partitionRecords: await this.#partitionRecords(plan.settings.jobId, before),
            });
      const tasks = counts[stage];
      if (stage === phase) {
        const { tasks: done, failedAttempts } = commits;
        await this.#tellProgress(status, { stage, tasks, done, failedAttempts, ...read });
        return;
      }
      this.#endStage(stage, tasks, read);
      before = stage;
    }
  }

  #tellPlan({ plan, notices = [] }: PlanDocument): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#onEvent(plannedEvent(plan));
    for (const text of notices) this.#onEvent({ kind: 'notice', text });
  }

  async #tellProgress(
    { execution }: JobStatus,
    progress: Omit<StageProgress, 'running' | 'elapsedMs' | 'rateWindowMs'>,
  ): Promise<void> {
    const { stage, tasks } = progress;
    if (this.#stage?.stage !== stage) {
      this.#stage = { stage, startedMs: this.#nowMs() };
      this.#onEvent({ kind: 'stage-started', stage, tasks });
    }
    const running = execution === undefined ? 0 : await this.#running.count(execution.arn);
    this.#onEvent({
      kind: 'progress',
      progress: {
        ...progress,
        running: Math.min(running, tasks - progress.done),
        elapsedMs: this.#nowMs() - this.#stage.startedMs,
        rateWindowMs: RATE_WINDOW_MS,
      },
    });
  }

  #endStage(stage: Stage, tasks: number, { records: recordsRead, bytes: bytesRead }: ReadSoFar): void {
    if (this.#stage?.stage !== stage) return;
    const wallMs = this.#nowMs() - this.#stage.startedMs;
    this.#stage = undefined;
    this.#onEvent({
      kind: 'stage-ended',
      report: { ...EMPTY_REPORT, stage, tasks, wallMs, bytesRead, recordsRead },
    });
  }

  /**
   * Records per partition, as the barrier of the stage counted them. Read once; undefined if the caller may not read
   * them, or they are gone.
   */
  async #partitionRecords(job: JobId, stage: Stage): Promise<readonly number[] | undefined> {
    if (this.#isCounted) return this.#records;
    this.#isCounted = true;
    const document = await this.#ifAllowed((store) =>
      findDocument<StageDocument>(store, stageKey(job, stage)),
    );
    this.#isCounted = document !== undefined || this.#isRefused;
    this.#records = document?.partitionRecords;
    return this.#records;
  }

  /** Reports one event per new failed attempt. They all name the latest, because few notes are read. */
  async #tellFailures({ committed }: JobStatus): Promise<void> {
    const fresh = committed.failureKeys.filter((key) => !this.#toldFailures.has(key));
    const ids = fresh.map(attemptOfFailureKey).filter((id) => id !== undefined);
    const anyId = ids.at(-1);
    if (anyId === undefined) return;
    const read = await this.#ifAllowed((store) =>
      mapBounded(fresh.slice(-FAILURES_READ_MAX), FAILURES_READ_MAX, (key) => findFailure(store, key)),
    );
    const latest = read
      ?.filter((failure) => failure !== undefined)
      .reduce<AttemptFailureDocument | undefined>(
        (last, failure) => (last === undefined || failure.at >= last.at ? failure : last),
        undefined,
      );
    const attemptId = latest?.attemptId ?? anyId;
    const taskId = taskIdOf(attemptId);
    const error = latest?.error ?? { name: 'TaskFailedError', message: 'its record cannot be read' };
    for (const key of fresh) {
      this.#toldFailures.add(key);
      this.#onEvent({ kind: 'attempt-failed', taskId, attemptId, worker: 0, error, willRetry: true });
    }
  }

  /** Undefined if the caller may not read it: a caller who may submit jobs may lack the permission to read work/. */
  async #ifAllowed<T>(read: (store: ObjectStore) => Promise<T>): Promise<T | undefined> {
    try {
      return await read(this.#deployment.store);
    } catch (error) {
      if (!isMapReduceError(error)) throw error;
      this.#isRefused = true;
      return undefined;
    }
  }
}

type ReadSoFar = Pick<StageProgress, 'records' | 'bytes' | 'bytesTotal'>;

/** Stored bytes of the splits whose tasks have committed; their records are not known. */
function readOfInput({ splits, inputBytes }: JobPlan, { tasks, indexes }: StageCommits): ReadSoFar {
  const isAll = tasks >= splits.length;
  const bytes = isAll ? inputBytes : sum(indexes.map((index) => splitBytes(splits[index])));
  return { records: 0, bytes, bytesTotal: inputBytes };
}

/** Estimates bytes by records: only a reduce task knows how many bytes of the shuffle belong to its partition. */
function readOfShuffle(
  { indexes }: StageCommits,
  {
    shuffleBytes,
    partitionRecords,
  }: { shuffleBytes: number; partitionRecords: readonly number[] | undefined },
): ReadSoFar {
  const total = sum(partitionRecords ?? []);
  if (partitionRecords === undefined || total === 0) return { records: 0, bytes: 0, bytesTotal: undefined };
  const records = sum(indexes.map((index) => partitionRecords[index] ?? 0));
  return { records, bytes: Math.round((shuffleBytes * records) / total), bytesTotal: shuffleBytes };
}

function splitBytes(split: Split | undefined): number {
  return sumOf(split?.pieces ?? [], ({ startBytes, endBytes }) => endBytes - startBytes);
}

const EMPTY_REPORT: Omit<StageReport, 'stage' | 'tasks' | 'wallMs'> = {
  attempts: 0,
  failedAttempts: 0,
  backupAttempts: 0,
  recordsRead: 0,
  bytesRead: 0,
  recordsWritten: 0,
  bytesWritten: 0,
  spills: 0,
  bytesSpilled: 0,
};
