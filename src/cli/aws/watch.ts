/**
 * Follows a job until it ends, and tells what it sees as the events of a run, so that a job on AWS is shown as one of this
 * machine is. What counts is what has committed: objects on the bucket, and the execution's own word at the end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type AttemptFailureDocument, findDocument, type PlanDocument } from '../../aws/documents.ts';
import { planKey } from '../../aws/keys.ts';
import { isMapReduceError } from '../../errors.ts';
import type { Stage } from '../../ids.ts';
import type { JobEvent, StageReport } from '../../report.ts';
import type { Deployment } from './deployment.ts';
import { findExecution, type JobExecution } from './executions.ts';
import { type JobStatus, statusOf } from './job-status.ts';

const POLL_MS_MIN = 200;
const POLL_MS_MAX = 3_000;
/** A job of minutes need not be asked after five times a second. */
const POLL_FRACTION = 0.1;

export interface WatchOptions {
  readonly onEvent: (event: JobEvent) => void;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  /** Where to stop before the job's end. */
  readonly until?: (status: JobStatus) => boolean;
}

/** @returns the status of a job that is no longer running, or that `until` liked. Throws the signal's reason. */
export async function watchJob(
  deployment: Deployment,
  start: Pick<JobStatus, 'jobId' | 'execution' | 'plan'>,
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
    // Of one that was just started Step Functions may not know yet.
    execution = (await findExecution(deployment, execution)) ?? execution;
  }
}

class StatusEvents {
  readonly #deployment: Deployment;
  readonly #onEvent: (event: JobEvent) => void;
  readonly #nowMs: () => number;
  #stage: { readonly stage: Stage; readonly startedMs: number } | undefined;
  #isPlanned = false;
  #failedAttempts = 0;

  constructor(deployment: Deployment, onEvent: (event: JobEvent) => void, nowMs: () => number) {
    this.#deployment = deployment;
    this.#onEvent = onEvent;
    this.#nowMs = nowMs;
  }

  async tell(status: JobStatus): Promise<void> {
    if (status.plan === undefined) return;
    this.#tellPlan(status.plan);
    await this.#tellFailures(status);
    const { splits, settings } = status.plan.plan;
    if (status.phase === 'map') this.#tellProgress('map', splits.length, status.committed.map);
    if (status.phase === 'reduce') {
      this.#endStage('map', splits.length);
      this.#tellProgress('reduce', settings.reducers, status.committed.reduce);
    }
    if (status.phase === 'committing') {
      if (settings.reducers === 0) this.#endStage('map', splits.length);
      else this.#endStage('reduce', settings.reducers);
    }
  }

  #tellPlan({ plan }: PlanDocument): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    const { settings, splits, inputBytes, inputFiles } = plan;
    this.#onEvent({
      kind: 'planned',
      jobId: settings.jobId,
      files: inputFiles,
      bytes: inputBytes,
      mapTasks: splits.length,
      reducers: settings.reducers,
    });
  }

  #tellProgress(stage: Stage, tasks: number, done: number): void {
    if (this.#stage?.stage !== stage) {
      this.#stage = { stage, startedMs: this.#nowMs() };
      this.#onEvent({ kind: 'stage-started', stage, tasks });
    }
    this.#onEvent({
      kind: 'progress',
      progress: {
        stage,
        tasks,
        done,
        // Nobody counts them but Step Functions, in a listing of 10,000 executions.
        running: 0,
        failedAttempts: 0,
        records: 0,
        bytes: 0,
        bytesTotal: undefined,
        elapsedMs: this.#nowMs() - this.#stage.startedMs,
      },
    });
  }

  #endStage(stage: Stage, tasks: number): void {
    if (stage === 'reduce') this.#endStage('map', tasks);
    if (this.#stage?.stage !== stage) return;
    const report: StageReport = {
      ...EMPTY_REPORT,
      stage,
      tasks,
      wallMs: this.#nowMs() - this.#stage.startedMs,
    };
    this.#stage = undefined;
    this.#onEvent({ kind: 'stage-ended', report });
  }

  /** One event for each note that is new; the latest is read, for its message. */
  async #tellFailures({ committed }: JobStatus): Promise<void> {
    const { failedAttempts, lastFailureKey } = committed;
    if (failedAttempts <= this.#failedAttempts || lastFailureKey === undefined) return;
    const failure = await this.#readFailure(lastFailureKey);
    const { taskId, attemptId, error } = failure ?? {
      taskId: '',
      attemptId: 'an attempt',
      error: { name: 'TaskFailedError', message: 'its note may not be read' },
    };
    for (; this.#failedAttempts < failedAttempts; this.#failedAttempts++) {
      this.#onEvent({ kind: 'attempt-failed', taskId, attemptId, worker: 0, error, willRetry: true });
    }
  }

  /** Progress goes on without: who may submit need not be allowed to read work/. */
  async #readFailure(key: string): Promise<AttemptFailureDocument | undefined> {
    try {
      return await findDocument<AttemptFailureDocument>(this.#deployment.store, key);
    } catch (error) {
      if (isMapReduceError(error)) return undefined;
      throw error;
    }
  }
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
