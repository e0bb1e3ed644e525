/**
 * Watches running attempts on pools whose workers can be killed. An attempt has stalled if neither its progress nor its
 * count of checks has changed for too long. An attempt that ignores cancellation is killed.
 */
import { MapReduceError } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import type { StagePolicy } from '../../stages/policy.ts';
import { stalledError } from './stage-errors.ts';
import type { RunningAttempt } from './stage-task.ts';

export class AttemptWatch {
  readonly #policy: StagePolicy;
  #checkedMs: number | undefined;

  constructor(policy: StagePolicy) {
    this.#policy = policy;
  }

  /** Kills attempts that have stalled or ignore cancellation. Called at every poll. */
  check(attempts: Iterable<RunningAttempt>, nowMs: number): void {
    // If the whole process was suspended (a debugger, SIGSTOP, an overloaded machine), the workers have not stalled.
    // So the time between two checks counts as a few intervals at most.
    const gapMs = Math.min(nowMs - (this.#checkedMs ?? nowMs), 3 * this.#policy.pollIntervalMs);
    this.#checkedMs = nowMs;
    for (const attempt of attempts) {
      if (attempt.stopAskedMs !== undefined) {
        if (nowMs - attempt.stopAskedMs >= this.#policy.stopGraceMs)
          attempt.handle.kill(stoppedError(attempt));
      } else {
        this.#checkForStall(attempt, gapMs);
      }
    }
  }

  #checkForStall(attempt: RunningAttempt, gapMs: number): void {
    const progress = attempt.handle.progress();
    const sum = progress === undefined ? 0 : sumOfProgress(progress) + attempt.handle.checks();
    const hasBegun = progress !== undefined;
    if (hasBegun !== attempt.begun || sum !== attempt.progressSum) {
      attempt.begun = hasBegun;
      attempt.progressSum = sum;
      attempt.quietMs = 0;
      return;
    }
    attempt.quietMs += gapMs;
    const timeoutMs = hasBegun ? this.#policy.stallTimeoutMs : this.#policy.startTimeoutMs;
    if (attempt.quietMs >= timeoutMs) attempt.handle.kill(stalledError(attempt, timeoutMs));
  }
}

/** Changes whenever one of the numbers changes. */
export function sumOfProgress(progress: Readonly<Progress>): number {
  return (
    progress.recordsRead +
    progress.bytesRead +
    progress.recordsWritten +
    progress.bytesSpilled +
    progress.spills +
    progress.pieceIndex +
    progress.chunkOffsetBytes +
    progress.steps
  );
}

function stoppedError(attempt: RunningAttempt): MapReduceError {
  return new MapReduceError('CancelledError', `attempt ${attempt.id} ignored cancellation and was killed`);
}
