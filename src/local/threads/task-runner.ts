/**
 * What runs an attempt once a thread has been found for it. The pools know nothing else of maps, reduces or jobs; in
 * production it is job-runner.ts, in tests of the pools whatever misbehaves best.
 */
import type { AttemptId } from '../../base/ids.ts';
import type { AttemptControl, Progress } from '../../base/progress.ts';
import type { TaskSpec } from '../../plan/task.ts';
import type { TaskResult } from '../../report/task-summary.ts';

export interface TaskRunner<Configuration = unknown> {
  /**
   * Called for one attempt after the other, never two at once. `configuration` is what the pool was configured with,
   * the same object for every attempt on this thread.
   */
  run(attempt: AttemptToRun<Configuration>): Promise<TaskResult>;
  /** Called between attempts, for what the coordinator cannot do itself because it takes user code. Plain data both ways. */
  answer?(question: unknown, watched: Watched): Promise<unknown>;
}

/** How the coordinator sees that the thread is alive, and stops it. */
export interface Watched {
  readonly progress: Progress;
  readonly control: AttemptControl;
}

export interface AttemptToRun<Configuration = unknown> extends Watched {
  readonly spec: TaskSpec;
  readonly attemptId: AttemptId;
  readonly configuration: Configuration;
  /** Exists, is empty, and is removed after the attempt. */
  readonly scratchFolder: string;
}
