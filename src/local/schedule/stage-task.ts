/**
 * The coordinator's state of one task of a stage.
 *
 *               hand out                  an attempt commits, or finds that another had
 *   pending ---------------> running -------------------------------------------------> committed
 *      ^                      |  |  \
 *      |    back-off over     |  |   \ attempts used up, or an error that is not retryable
 *      +------- waiting <-----+  |    +-----------------------------------------------> failed (so does the stage)
 *      |                         | read a corrupt shuffle object
 *      +------- repairing <------+
 *         map task run again
 *
 * A running task has one attempt, or two while a backup attempt races. The last attempt to fail decides the next state. A
 * task never leaves `committed`; if the attempt that really committed reports later, its result replaces the first one.
 */
import type { MapReduceError } from '../../base/errors.ts';
import type { AttemptId } from '../../base/ids.ts';
import type { TaskSpec } from '../../plan/task.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import type { FailedAttempt } from '../../stages/attempts.ts';
import type { AttemptHandle } from './executor-pool.ts';

export type TaskState =
  | { readonly kind: 'pending' }
  | { readonly kind: 'running' }
  | { readonly kind: 'waiting'; readonly cancelWait: () => void }
  | { readonly kind: 'repairing' }
  | { readonly kind: 'committed'; readonly result: TaskResult }
  | { readonly kind: 'failed'; readonly error: MapReduceError };

export interface StageTask {
  /** The position in the stage's list. It differs from the index in the spec if only some tasks run again. */
  readonly position: number;
  readonly spec: TaskSpec;
  state: TaskState;
  readonly running: Set<RunningAttempt>;
  /** Oldest first. */
  readonly failures: TaskFailure[];
  backups: number;
  /** The next attempt goes to another worker if one is idle. */
  failedOnWorker: number | undefined;
}

export interface TaskFailure extends FailedAttempt {
  readonly attempt: RunningAttempt;
  readonly error: unknown;
}

export interface RunningAttempt {
  readonly task: StageTask;
  readonly id: AttemptId;
  readonly worker: number;
  readonly backup: boolean;
  /** The number of this attempt in the stage. It orders events without relying on the resolution of a clock. */
  readonly sequence: number;
  readonly startedMs: number;
  readonly handle: AttemptHandle;
  /** When the attempt was asked to stop. */
  stopAskedMs: number | undefined;
  /** What the watch last read, and for how long that has not changed. */
  begun: boolean;
  progressSum: number;
  quietMs: number;
}

export function newStageTask(position: number, spec: TaskSpec): StageTask {
  return {
    position,
    spec,
    state: { kind: 'pending' },
    running: new Set(),
    failures: [],
    backups: 0,
    failedOnWorker: undefined,
  };
}
