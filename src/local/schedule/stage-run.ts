/**
 * The coordinator's loop, driven by three things: an attempt settles, a timer fires, the caller aborts.
 *
 *   running ---- all tasks committed, all attempts over ----> resolved
 *      |
 *      +-- a task failed, or abort --> stopping -- all attempts over --> rejected
 *
 * In both cases, nothing of the stage still runs when its promise settles. Attempts that lost a race or are no longer
 * needed are asked to stop, and their workers are killed after a grace period.
 */
import { backoffMs } from '../../base/backoff.ts';
import { BoundedList } from '../../base/bounded-list.ts';
import {
  isRetryable,
  type MapReduceError,
  type RepairTarget,
  repairTarget,
  serializeError,
  toMapReduceError,
} from '../../base/errors.ts';
import type { AttemptRow } from '../../report/attempt-rows.ts';
import type { AttemptFailure, JobEvent } from '../../report/report.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import { isOfEarlierStage } from '../../stages/advance.ts';
import { attemptVerdict } from '../../stages/attempts.ts';
import type { StagePolicy } from '../../stages/policy.ts';
import { stragglerAfterMs } from '../../stages/stragglers.ts';
import { AttemptNumbers } from './attempt-numbers.ts';
import { AttemptWatch } from './attempt-watch.ts';
import { type AttemptEnd, rowOf } from './ended-attempt.ts';
import { onlyWorker } from './executor-pool.ts';
import { ShuffleRepairs } from './shuffle-repairs.ts';
import { cancelledError, finalError } from './stage-errors.ts';
import type { StageOptions, StageOutcome } from './stage-options.ts';
import { newStageTask, type RunningAttempt, type StageTask } from './stage-task.ts';
import { type AttemptCounts, type ReadSoFar, stageProgress, stageReport } from './stage-totals.ts';
import { TaskQueue } from './task-queue.ts';

export class StageRun {
  readonly #options: StageOptions;
  readonly #policy: StagePolicy;
  readonly #tasks: readonly StageTask[];
  readonly #queue: TaskQueue;
  readonly #idleWorkers: Set<number>;
  readonly #running = new Set<RunningAttempt>();
  readonly #watch: AttemptWatch;
  readonly #repairs: ShuffleRepairs;
  readonly #numbers: AttemptNumbers;
  readonly #failures: BoundedList<AttemptFailure>;
  readonly #counts: AttemptCounts = { committed: 0, attempts: 0, failedAttempts: 0, backupAttempts: 0 };
  readonly #committedReads: ReadSoFar = { records: 0, bytes: 0 };
  readonly #committedDurationsMs: number[] = [];
  /** Signals to repairs that the stage has stopped. */
  readonly #stopped = new AbortController();
  readonly #settled = Promise.withResolvers<StageOutcome>();
  readonly #startedMs: number;
  #progressReportedMs: number;
  #stopError: MapReduceError | undefined;
  #hasEnded = false;
  #cancelTick: () => void = () => {};

  constructor(options: StageOptions, policy: StagePolicy) {
    this.#options = options;
    this.#policy = policy;
    this.#tasks = options.tasks.map((spec, position) => newStageTask(position, spec));
    this.#queue = new TaskQueue(this.#tasks);
    this.#idleWorkers = new Set(options.pool.workers);
    this.#watch = new AttemptWatch(policy);
    this.#repairs = new ShuffleRepairs();
    this.#numbers = options.attemptNumbers ?? new AttemptNumbers();
    this.#failures = new BoundedList(policy.failuresKeptMax);
    this.#startedMs = options.clock.nowMs();
    this.#progressReportedMs = this.#startedMs;
  }

  run(): Promise<StageOutcome> {
    const { stage, signal, clock } = this.#options;
    const onAbort = () => this.#react(() => this.#cancel());
    this.#react(() => {
      if (signal?.aborted) {
        this.#cancel();
        return;
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#report({ kind: 'stage-started', stage, tasks: this.#tasks.length });
      this.#handOut();
    });
    if (!this.#hasEnded) this.#cancelTick = clock.after(this.#policy.pollIntervalMs, () => this.#tick());
    return this.#settled.promise.finally(() => signal?.removeEventListener('abort', onAbort));
  }

  /** Every event goes through here, so that a bug, or an event listener that throws, stops the stage. */
  #react(step: () => void): void {
    if (this.#hasEnded) return;
    try {
      step();
    } catch (error) {
      this.#stop(toMapReduceError(error));
    }
    this.#endIfDone();
  }

  // Handing out

  #handOut(): void {
    // While a shuffle object is being replaced, a new attempt would find it damaged or missing.
    if (this.#repairs.inFlight > 0) return;
    while (this.#stopError === undefined && this.#idleWorkers.size > 0) {
      const task = this.#queue.take();
      if (task === undefined) return;
      this.#start(task, this.#pickWorker(task), false);
    }
  }

  /** Picks the lowest idle worker, because its thread has most likely started; not the one that the task last failed on. */
  #pickWorker(task: StageTask): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const worker of this.#idleWorkers) {
      if (worker < lowest && worker !== task.failedOnWorker) lowest = worker;
    }
    return lowest === Number.POSITIVE_INFINITY ? task.failedOnWorker! : lowest;
  }

  #start(task: StageTask, worker: number, backup: boolean): void {
    const { pool, clock } = this.#options;
    const id = this.#numbers.take(task.spec.taskId);
    this.#idleWorkers.delete(worker);
    const attempt: RunningAttempt = {
      task,
      id,
      worker,
      backup,
      sequence: ++this.#counts.attempts,
      startedMs: clock.nowMs(),
      handle: pool.start(worker, task.spec, id),
      stopAskedMs: undefined,
      begun: false,
      progressSum: 0,
      quietMs: 0,
    };
    task.state = { kind: 'running' };
    task.running.add(attempt);
    this.#running.add(attempt);
    attempt.handle.result.then(
      (result) => this.#react(() => this.#ended(attempt, result)),
      (error: unknown) => this.#react(() => this.#threw(attempt, error)),
    );
    if (backup) {
      task.backups++;
      this.#counts.backupAttempts++;
    }
    this.#report({ kind: 'attempt-started', taskId: task.spec.taskId, attemptId: id, worker, backup });
  }

  #release(attempt: RunningAttempt): void {
    this.#running.delete(attempt);
    attempt.task.running.delete(attempt);
    this.#idleWorkers.add(attempt.worker);
  }

  // Ends of attempts

  #ended(attempt: RunningAttempt, result: TaskResult): void {
    const { task } = attempt;
    this.#release(attempt);
    this.#reportEnded(attempt, result.committed ? 'committed' : 'superseded', result);
    if (task.state.kind === 'failed') return;
    const before = task.state.kind === 'committed' ? task.state.result : undefined;
    if (before === undefined) {
      this.#counts.committed++;
      this.#committedDurationsMs.push(this.#options.clock.nowMs() - attempt.startedMs);
    }
    // Two attempts can commit only if the first one's object was removed in between: then the later object is the result.
    if (before === undefined || result.committed) {
      task.state = { kind: 'committed', result };
      this.#committedReads.records += result.recordsRead - (before?.recordsRead ?? 0);
      this.#committedReads.bytes += result.bytesRead - (before?.bytesRead ?? 0);
    }
    for (const other of task.running) this.#askToStop(other);
    this.#handOut();
  }

  #threw(attempt: RunningAttempt, error: unknown): void {
    const { task } = attempt;
    this.#release(attempt);
    if (task.state.kind === 'committed' || this.#stopError !== undefined) {
      // The attempt lost the race or was asked to stop, so its error is not a failure.
      this.#reportEnded(attempt, task.state.kind === 'committed' ? 'superseded' : 'stopped');
    } else if (!this.#sendToRepair(attempt, error)) {
      this.#countFailure(attempt, error);
    }
    this.#handOut();
  }

  #countFailure(attempt: RunningAttempt, error: unknown): void {
    const { task } = attempt;
    const { attemptsMax } = this.#policy;
    task.failures.push({ isRetryable: isRetryable(error), isExcused: attempt.backup, attempt, error });
    task.failedOnWorker = attempt.worker;
    this.#counts.failedAttempts++;
    const verdict = attemptVerdict(task.failures, attemptsMax);
    const isFinal = verdict.kind === 'hopeless' || (verdict.kind === 'used up' && task.running.size === 0);
    this.#reportFailed(attempt, error, !isFinal);
    if (isFinal) {
      const final = finalError(verdict.attempt, { isHopeless: verdict.kind === 'hopeless', attemptsMax });
      task.state = { kind: 'failed', error: final };
      this.#stop(final);
    } else if (task.running.size === 0) {
      const delayMs = backoffMs(task.failures.length, this.#policy, this.#options.random);
      const cancelWait = this.#options.clock.after(delayMs, () => this.#react(() => this.#putBack(task)));
      task.state = { kind: 'waiting', cancelWait };
    }
  }

  #putBack(task: StageTask): void {
    task.state = { kind: 'pending' };
    this.#queue.putBack(task);
    this.#handOut();
  }

  // Corrupt shuffle objects

  /** Returns true if the error names an object that is being repaired or was just repaired. Then the failure does not count. */
  #sendToRepair(attempt: RunningAttempt, error: unknown): boolean {
    const { onCorruptShuffle: hook, stage } = this.#options;
    const target = repairTarget(error);
    // The job's own code can throw this error, too. Repairs wait for each other, so a repair must not ask for another one.
    if (!hook || target === undefined || !isOfEarlierStage(target, stage)) return false;
    const verdict = this.#repairs.verdict(target, attempt.sequence);
    this.#reportFailed(attempt, error, true);
    const repair = verdict === 'repair' ? this.#repair(attempt, target, hook) : verdict;
    if (attempt.task.running.size > 0) return true;
    if (repair === 'again') {
      this.#putBack(attempt.task);
    } else {
      attempt.task.state = { kind: 'repairing' };
      repair.then(
        () => this.#react(() => this.#repaired(attempt.task)),
        () => {},
      );
    }
    return true;
  }

  #repaired(task: StageTask): void {
    if (task.state.kind === 'repairing') this.#putBack(task);
  }

  #repair(
    attempt: RunningAttempt,
    target: RepairTarget,
    hook: NonNullable<StageOptions['onCorruptShuffle']>,
  ): Promise<void> {
    const { worker } = attempt;
    this.#idleWorkers.delete(worker);
    const lent = { pool: onlyWorker(this.#options.pool, worker), signal: this.#stopped.signal };
    const called = (async () => hook(target, lent))();
    const repair = this.#repairs.begin(target, called, () => this.#counts.attempts);
    repair.then(
      () =>
        this.#react(() => {
          this.#idleWorkers.add(worker);
          this.#handOut();
        }),
      (error: unknown) => this.#react(() => this.#stop(toMapReduceError(error))),
    );
    return repair;
  }

  // Polling

  #tick(): void {
    this.#react(() => {
      const nowMs = this.#options.clock.nowMs();
      if (this.#options.pool.canKill) this.#watch.check(this.#running, nowMs);
      this.#startBackups(nowMs);
      if (nowMs - this.#progressReportedMs >= this.#policy.progressIntervalMs) this.#reportProgress(nowMs);
    });
    if (!this.#hasEnded) {
      this.#cancelTick = this.#options.clock.after(this.#policy.pollIntervalMs, () => this.#tick());
    }
  }

  #startBackups(nowMs: number): void {
    if (this.#stopError !== undefined || this.#repairs.inFlight > 0 || this.#idleWorkers.size === 0) return;
    const afterMs = stragglerAfterMs(this.#tasks.length, this.#committedDurationsMs, this.#policy);
    if (afterMs === undefined) return;
    // Attempts are in the order in which they started, so those that have run longest come first.
    for (const { task, startedMs } of [...this.#running]) {
      if (this.#idleWorkers.size === 0 || nowMs - startedMs <= afterMs) return;
      if (task.state.kind === 'running' && task.backups === 0)
        this.#start(task, this.#pickWorker(task), true);
    }
  }

  // The end

  #cancel(): void {
    const { stage, signal } = this.#options;
    const tasks = { committed: this.#counts.committed, total: this.#tasks.length };
    this.#stop(cancelledError(stage, tasks, signal?.reason));
  }

  #stop(error: MapReduceError): void {
    if (this.#stopError !== undefined) return;
    this.#stopError = error;
    this.#stopped.abort(error);
    for (const { state } of this.#tasks) if (state.kind === 'waiting') state.cancelWait();
    for (const attempt of this.#running) this.#askToStop(attempt);
  }

  #askToStop(attempt: RunningAttempt): void {
    if (attempt.stopAskedMs !== undefined) return;
    attempt.stopAskedMs = this.#options.clock.nowMs();
    attempt.handle.cancel();
  }

  #endIfDone(): void {
    if (this.#hasEnded || this.#running.size > 0 || this.#repairs.inFlight > 0) return;
    if (this.#stopError === undefined && this.#counts.committed < this.#tasks.length) return;
    this.#hasEnded = true;
    this.#cancelTick();
    try {
      if (this.#stopError !== undefined) throw this.#stopError;
      this.#settled.resolve(this.#outcome());
    } catch (error) {
      this.#settled.reject(error);
    }
  }

  #outcome(): StageOutcome {
    const nowMs = this.#options.clock.nowMs();
    const report = stageReport(this.#options.stage, this.#tasks, this.#counts, nowMs - this.#startedMs);
    this.#reportProgress(nowMs);
    this.#report({ kind: 'stage-ended', report });
    return { results: this.#tasks.map(resultOf), report, failures: this.#failures.toArray() };
  }

  // Events

  #report(event: JobEvent): void {
    this.#options.onEvent?.(event);
  }

  #reportEnded(attempt: RunningAttempt, outcome: AttemptEnd['outcome'], result?: TaskResult): void {
    const { task, id, worker } = attempt;
    const row = this.#rowOf(attempt, { outcome, ...(result && { result }) });
    const committed = outcome === 'committed';
    this.#report({ kind: 'attempt-ended', taskId: task.spec.taskId, attemptId: id, worker, committed, row });
  }

  #reportFailed(attempt: RunningAttempt, error: unknown, willRetry: boolean): void {
    const { task, id, worker } = attempt;
    const failure: AttemptFailure = { taskId: task.spec.taskId, attemptId: id, error: serializeError(error) };
    this.#failures.add(failure);
    const row = this.#rowOf(attempt, { outcome: 'failed', error: failure.error });
    this.#report({ kind: 'attempt-failed', ...failure, worker, willRetry, row });
  }

  #rowOf(attempt: RunningAttempt, end: Omit<AttemptEnd, 'nowMs' | 'now'>): AttemptRow {
    const { clock, now = () => new Date() } = this.#options;
    return rowOf(attempt, { ...end, nowMs: clock.nowMs(), now: now() });
  }

  #reportProgress(nowMs: number): void {
    this.#progressReportedMs = nowMs;
    const running = new Set<StageTask>();
    for (const { task } of this.#running) if (task.state.kind === 'running') running.add(task);
    const progress = stageProgress({
      stage: this.#options.stage,
      tasks: this.#tasks.length,
      running,
      committedReads: this.#committedReads,
      counts: this.#counts,
      bytesTotal: this.#options.bytesTotal,
      elapsedMs: nowMs - this.#startedMs,
    });
    this.#report({ kind: 'progress', progress });
  }
}

function resultOf({ state, spec }: StageTask): TaskResult {
  if (state.kind !== 'committed') throw new Error(`the stage ended with task ${spec.taskId} ${state.kind}`);
  return state.result;
}
