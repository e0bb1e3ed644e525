/**
 * The interface that runs an attempt on a thread. The pools know nothing else about maps, reduces or jobs. job-runner.ts
 * implements it in production; tests of the pools implement it with runners that fail on purpose.
 */
import type { AttemptId } from '../../base/ids.ts';
import type { AttemptControl, Progress } from '../../base/progress.ts';
import type { TaskSpec } from '../../plan/task.ts';
import type { AttemptMeter } from '../../report/attempt-meter.ts';
import type { TaskResult } from '../../report/task-summary.ts';

export interface TaskRunner<Configuration = unknown> {
  /**
   * Called for one attempt at a time. `configuration` is the value that the pool was configured with, the same object for
   * every attempt on this thread.
   */
  run(attempt: AttemptToRun<Configuration>): Promise<TaskResult>;
  /**
   * Called between attempts, for work that needs user code and that the coordinator therefore cannot do. The question and
   * the result are plain data.
   */
  answer?(question: unknown, watched: Watched): Promise<unknown>;
}

/** Lets the coordinator see that the thread is alive, and stop it. */
export interface Watched {
  readonly progress: Progress;
  readonly control: AttemptControl;
}

export interface AttemptToRun<Configuration = unknown> extends Watched {
  readonly meter: AttemptMeter;
  readonly spec: TaskSpec;
  readonly attemptId: AttemptId;
  readonly configuration: Configuration;
  /** The folder exists and is empty. It is removed after the attempt. */
  readonly scratchFolder: string;
}
