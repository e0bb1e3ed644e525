/**
 * Runs the tasks of one stage on a pool of workers until each has committed exactly once, or the stage has failed.
 * Knows nothing of threads, files or data: an attempt is a promise and a few numbers, time and chance are parameters.
 */
import { DEFAULT_POLICY } from '../../stages/policy.ts';
import type { StageOptions, StageOutcome } from './stage-options.ts';
import { StageRun } from './stage-run.ts';

/**
 * Rejects with TaskFailedError when a task has used up its attempts, with the attempt's own error when that is one
 * which no retry mends, and with CancelledError when the signal is aborted; always after every worker has stopped.
 */
export function runStage(options: StageOptions): Promise<StageOutcome> {
  return new StageRun(options, { ...DEFAULT_POLICY, ...options.policy }).run();
}
