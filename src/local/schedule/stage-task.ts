/**
 * One task of a stage, as the coordinator keeps it.
 *
 *               hand out                  an attempt commits, or finds that another had
 *   pending ---------------> running -------------------------------------------------> committed
 *      ^                      |  |  \
 *      |    back-off over     |  |   \ attempts used up, or an error that no retry mends
 *      +------- waiting <-----+  |    +-----------------------------------------------> failed (so does the stage)
 *      |                         | read a corrupt shuffle object
 *      +------- repairing <------+
 *         map task run again
 *
 * `running` holds one attempt, or two while a backup attempt races. The last attempt to fail decides where the
 * task goes; nothing leaves `committed`, though a later answer of the attempt that did commit completes the result.
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
  /** Where it stands in the stage's list; the spec's own index differs when only some tasks are run again. */
  readonly position: number;
  readonly spec: TaskSpec;
  state: TaskState;
  readonly running: Set<RunningAttempt>;
  /** Oldest first. */
  readonly failures: TaskFailure[];
  backups: number;
  /** The next attempt rather goes elsewhere. */
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
  /** Counts all attempts of the stage: which of two events came first, without trusting a clock's resolution. */
  readonly sequence: number;
  readonly startedMs: number;
  readonly handle: AttemptHandle;
  /** Since when it has been asked to stop. */
  stopAskedMs: number | undefined;
  /** What the watch saw last, and for how long it has seen nothing new. */
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
