/**
 * The coordinator's loop, driven by three things: an attempt settles, a timer fires, the caller aborts.
 *
 *   running ---- all tasks committed, all attempts over ----> resolved
 *      |
 *      +-- a task failed, or abort --> stopping -- all attempts over --> rejected
 *
 * Either way nothing of the stage runs any more once its promise has settled: attempts that lost a race or are not
 * wanted any more are asked to stop, and after a grace period their workers are taken away.
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
import type { AttemptFailure, JobEvent } from '../../report/report.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import { attemptVerdict } from '../../stages/attempts.ts';
import type { StagePolicy } from '../../stages/policy.ts';
import { stragglerAfterMs } from '../../stages/stragglers.ts';
import { AttemptNumbers } from './attempt-numbers.ts';
import { AttemptWatch } from './attempt-watch.ts';
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
  /** Tells repairs that the stage has stopped. */
  readonly #stopped = new AbortController();
  readonly #settled = Promise.withResolvers<StageOutcome>();
  readonly #startedMs: number;
  #progressToldMs: number;
  #stopError: MapReduceError | undefined;
  #isOver = false;
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
    this.#progressToldMs = this.#startedMs;
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
      this.#tell({ kind: 'stage-started', stage, tasks: this.#tasks.length });
      this.#handOut();
    });
    if (!this.#isOver) this.#cancelTick = clock.after(this.#policy.pollIntervalMs, () => this.#tick());
    return this.#settled.promise.finally(() => signal?.removeEventListener('abort', onAbort));
  }

  /** Whatever happens goes through here, so that a defect (or an event listener that throws) stops the stage. */
  #react(step: () => void): void {
    if (this.#isOver) return;
    try {
      step();
    } catch (error) {
      this.#stop(toMapReduceError(error));
    }
    this.#endIfDone();
  }

  // Handing out

  #handOut(): void {
    // While a shuffle object is being replaced, a new attempt would only stumble over it.
    if (this.#repairs.inFlight > 0) return;
    while (this.#stopError === undefined && this.#idleWorkers.size > 0) {
      const task = this.#queue.take();
      if (task === undefined) return;
      this.#start(task, this.#pickWorker(task), false);
    }
  }

  /** The lowest number that is free (those have their threads), another than the one the task has failed on. */
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
    this.#tell({ kind: 'attempt-started', taskId: task.spec.taskId, attemptId: id, worker, backup });
  }

  #release(attempt: RunningAttempt): void {
    this.#running.delete(attempt);
    attempt.task.running.delete(attempt);
    this.#idleWorkers.add(attempt.worker);
  }

  // An attempt is over

  #ended(attempt: RunningAttempt, result: TaskResult): void {
    const { task } = attempt;
    this.#release(attempt);
    this.#tellEnded(attempt, result.committed);
    if (task.state.kind === 'failed') return;
    const before = task.state.kind === 'committed' ? task.state.result : undefined;
    if (before?.committed && result.committed) {
      throw new Error(
        `task ${task.spec.taskId} was committed by ${before.attemptId} and again by ${attempt.id}`,
      );
    }
    if (before === undefined) {
      this.#counts.committed++;
      this.#committedDurationsMs.push(this.#options.clock.nowMs() - attempt.startedMs);
    }
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
      // It lost the race or was told to stop: what it says on the way out is not a failure.
      this.#tellEnded(attempt, false);
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
    const isOver = verdict.kind === 'hopeless' || (verdict.kind === 'used up' && task.running.size === 0);
    this.#tellFailed(attempt, error, !isOver);
    if (isOver) {
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

  /** True when the attempt's error names what is, or has just been, made good: then it does not count. */
  #sendToRepair(attempt: RunningAttempt, error: unknown): boolean {
    const hook = this.#options.onCorruptShuffle;
    const target = repairTarget(error);
    if (!hook || target === undefined) return false;
    const verdict = this.#repairs.verdict(target, attempt.sequence);
    this.#tellFailed(attempt, error, true);
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

  // As time goes by

  #tick(): void {
    this.#react(() => {
      const nowMs = this.#options.clock.nowMs();
      if (this.#options.pool.canKill) this.#watch.look(this.#running, nowMs);
      this.#startBackups(nowMs);
      if (nowMs - this.#progressToldMs >= this.#policy.progressIntervalMs) this.#tellProgress(nowMs);
    });
    if (!this.#isOver) {
      this.#cancelTick = this.#options.clock.after(this.#policy.pollIntervalMs, () => this.#tick());
    }
  }

  #startBackups(nowMs: number): void {
    if (this.#stopError !== undefined || this.#repairs.inFlight > 0 || this.#idleWorkers.size === 0) return;
    const afterMs = stragglerAfterMs(this.#tasks.length, this.#committedDurationsMs, this.#policy);
    if (afterMs === undefined) return;
    // Attempts are kept in the order of their start: the slowest come first.
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
    if (this.#isOver || this.#running.size > 0 || this.#repairs.inFlight > 0) return;
    if (this.#stopError === undefined && this.#counts.committed < this.#tasks.length) return;
    this.#isOver = true;
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
    this.#tellProgress(nowMs);
    this.#tell({ kind: 'stage-ended', report });
    return { results: this.#tasks.map(resultOf), report, failures: this.#failures.toArray() };
  }

  // Telling

  #tell(event: JobEvent): void {
    this.#options.onEvent?.(event);
  }

  #tellEnded({ task, id, worker }: RunningAttempt, committed: boolean): void {
    this.#tell({ kind: 'attempt-ended', taskId: task.spec.taskId, attemptId: id, worker, committed });
  }

  #tellFailed({ task, id, worker }: RunningAttempt, error: unknown, willRetry: boolean): void {
    const failure: AttemptFailure = { taskId: task.spec.taskId, attemptId: id, error: serializeError(error) };
    this.#failures.add(failure);
    this.#tell({ kind: 'attempt-failed', ...failure, worker, willRetry });
  }

  #tellProgress(nowMs: number): void {
    this.#progressToldMs = nowMs;
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
    this.#tell({ kind: 'progress', progress });
  }
}

function resultOf({ state, spec }: StageTask): TaskResult {
  if (state.kind !== 'committed') throw new Error(`the stage ended with task ${spec.taskId} ${state.kind}`);
  return state.result;
}
