import type { Clock } from '../../../src/base/clock.ts';
import { MapReduceError } from '../../../src/base/errors.ts';
import { type AttemptId, taskId } from '../../../src/base/ids.ts';
import type { Progress } from '../../../src/base/progress.ts';
import type { AttemptHandle, ExecutorPool } from '../../../src/local/schedule/executor-pool.ts';
import type { MapTaskSpec, ReduceTaskSpec, TaskSpec } from '../../../src/plan/task.ts';
import type { TaskResult } from '../../../src/report/task-summary.ts';

/** What an attempt does. Unless it hangs, it makes progress all the time. */
export type Script =
  | {
      readonly does: 'commit';
      readonly afterMs: number;
      readonly ignoresCancel?: boolean;
      /** How long the result takes to arrive after the commit. */
      readonly answersLateMs?: number;
    }
  | {
      readonly does: 'throw';
      readonly afterMs: number;
      readonly error: Error;
      readonly ignoresCancel?: boolean;
    }
  /** The worker dies before the commit or right after it. */
  | { readonly does: 'die'; readonly afterMs: number; readonly committedFirst?: boolean }
  /** Makes no progress and ignores cancellation. */
  | { readonly does: 'hang' }
  /** Never starts the task. */
  | { readonly does: 'not begin'; readonly isReused?: boolean };

export interface StartedAttempt {
  readonly spec: TaskSpec;
  readonly id: AttemptId;
  readonly worker: number;
  readonly atMs: number;
  readonly number: number;
  outcome: 'running' | 'committed' | 'lost' | 'threw' | 'died' | 'cancelled' | 'killed';
}

/** Workers that follow scripts. The first attempt to commit a task wins, as in a store. */
export class ScriptedPool implements ExecutorPool {
  readonly workers: readonly number[];
  readonly canKill: boolean;
  readonly clock: Clock;
  /** Task id -> the attempts that committed it. */
  readonly commits = new Map<string, AttemptId[]>();
  readonly attempts: StartedAttempt[] = [];
  readonly busy = new Set<number>();
  readonly #script: (attempt: StartedAttempt) => Script;

  constructor(options: {
    workers: number;
    clock: Clock;
    canKill?: boolean;
    script: (attempt: StartedAttempt) => Script;
  }) {
    this.workers = Array.from({ length: options.workers }, (_, worker) => worker);
    this.canKill = options.canKill ?? true;
    this.clock = options.clock;
    this.#script = options.script;
  }

  start(worker: number, spec: TaskSpec, id: AttemptId): AttemptHandle {
    if (this.busy.has(worker)) throw new Error(`worker ${worker} was given two attempts at once`);
    this.busy.add(worker);
    const number = this.attempts.filter((attempt) => attempt.spec.taskId === spec.taskId).length;
    const attempt: StartedAttempt = {
      spec,
      id,
      worker,
      atMs: this.clock.nowMs(),
      number,
      outcome: 'running',
    };
    this.attempts.push(attempt);
    return this.#act(attempt, this.#script(attempt));
  }

  of(index: number): StartedAttempt[] {
    return this.attempts.filter((attempt) => attempt.spec.index === index);
  }

  #act(attempt: StartedAttempt, script: Script): AttemptHandle {
    const { promise, resolve, reject } = Promise.withResolvers<TaskResult>();
    const end = (outcome: StartedAttempt['outcome'], answer: () => void) => {
      if (attempt.outcome !== 'running') return;
      attempt.outcome = outcome;
      this.busy.delete(attempt.worker);
      answer();
    };
    const commit = () => {
      const known = this.commits.get(attempt.spec.taskId) ?? [];
      if (known.length === 0) this.commits.set(attempt.spec.taskId, [attempt.id]);
      return known.length === 0;
    };
    if ('afterMs' in script) {
      this.clock.after(script.afterMs, () => {
        if (attempt.outcome !== 'running') return;
        if (script.does === 'commit') {
          const won = commit();
          const answer = () => end(won ? 'committed' : 'lost', () => resolve(resultOf(attempt, won)));
          if ('answersLateMs' in script && script.answersLateMs)
            this.clock.after(script.answersLateMs, answer);
          else answer();
        } else if (script.does === 'throw') {
          end('threw', () => reject(script.error));
        } else {
          if (script.committedFirst) commit();
          end('died', () => reject(new MapReduceError('WorkerDiedError', `worker ${attempt.worker} died`)));
        }
      });
    }
    const hears = 'afterMs' in script && !('ignoresCancel' in script && script.ignoresCancel);
    return {
      result: promise,
      progress: () => (script.does === 'not begin' ? undefined : this.#progress(attempt, script)),
      isReused: script.does === 'not begin' && script.isReused === true,
      checks: () => ('checksOnly' in script ? this.clock.nowMs() : 0),
      cancel: () => {
        if (hears) end('cancelled', () => reject(new MapReduceError('CancelledError', 'asked to stop')));
      },
      kill: (reason) => end('killed', () => reject(reason)),
    };
  }

  #progress(attempt: StartedAttempt, script: Script): Progress {
    const ranMs = script.does === 'hang' || 'checksOnly' in script ? 0 : this.clock.nowMs() - attempt.atMs;
    return {
      recordsRead: ranMs,
      bytesRead: ranMs * 10,
      recordsWritten: 0,
      bytesSpilled: 0,
      spills: 0,
      pieceIndex: 0,
      chunkOffsetBytes: 4096,
      steps: 0,
    };
  }
}

function resultOf({ spec, id }: StartedAttempt, committed: boolean): TaskResult {
  return {
    taskId: spec.taskId,
    attemptId: id,
    committed,
    counters: {},
    recordsRead: 10,
    bytesRead: 100,
    recordsWritten: 5,
    bytesWritten: 50,
    spills: 1,
    bytesSpilled: 20,
  };
}

export function mapTasks(count: number): MapTaskSpec[] {
  return Array.from({ length: count }, (_, index) => ({
    stage: 'map',
    index,
    taskId: taskId('map', index),
    split: {
      pieces: [
        {
          file: { key: `/data/input-${index}.txt`, sizeBytes: 10_000, etag: 'e', compression: 'none' },
          startBytes: 0,
          endBytes: 10_000,
        },
      ],
    },
  }));
}

export function reduceTasks(count: number): ReduceTaskSpec[] {
  return Array.from({ length: count }, (_, index) => ({
    stage: 'reduce',
    index,
    taskId: taskId('reduce', index),
  }));
}
