/**
 * Runs the tasks of one stage on a pool of workers until each has committed exactly once, or the stage has failed. It does
 * not depend on threads, files or data: an attempt is a promise and a few numbers, and clock and random are parameters.
 */
import { DEFAULT_POLICY } from '../../stages/policy.ts';
import type { StageOptions, StageOutcome } from './stage-options.ts';
import { StageRun } from './stage-run.ts';

/**
 * Rejects with TaskFailedError if a task has used up its attempts, with the error of the attempt if that is not retryable,
 * and with CancelledError if the signal is aborted; always after every worker has stopped.
 */
export function runStage(options: StageOptions): Promise<StageOutcome> {
  return new StageRun(options, { ...DEFAULT_POLICY, ...options.policy }).run();
}
