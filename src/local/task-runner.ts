/**
 * What runs an attempt once a thread has been found for it. The pools know nothing else of maps, reduces or jobs; in
 * production it is job-runner.ts, in tests of the pools whatever misbehaves best.
 */
import type { AttemptId } from '../ids.ts';
import type { AttemptControl, Progress, TaskResult, TaskSpec } from '../task.ts';

export interface TaskRunner<Configuration = unknown> {
  /**
   * Called for one attempt after the other, never two at once. `configuration` is what the pool was configured with,
   * the same object for every attempt on this thread.
   */
  run(attempt: AttemptToRun<Configuration>): Promise<TaskResult>;
}

export interface AttemptToRun<Configuration = unknown> {
  readonly spec: TaskSpec;
  readonly attemptId: AttemptId;
  readonly configuration: Configuration;
  /** Exists, is empty, and is removed after the attempt. */
  readonly scratchFolder: string;
  readonly progress: Progress;
  readonly control: AttemptControl;
}
