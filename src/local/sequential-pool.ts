/**
 * The same pool without a thread: attempts run in the calling thread, one after the other. The oracle of the tests, and
 * what `--sequential` uses. An attempt can be asked to stop, but nothing can be done about one that hangs.
 */
import { MapReduceError } from '../errors.ts';
import type { AttemptId } from '../ids.ts';
import type { AttemptHandle, ExecutorPool } from '../schedule/executor-pool.ts';
import type { AttemptControl, Progress, TaskEnvironment, TaskResult, TaskSpec } from '../task.ts';

export interface SequentialPoolOptions {
  /** In production `runTask` of run-task.ts. */
  readonly runTask: (
    spec: TaskSpec,
    attemptId: AttemptId,
    environment: TaskEnvironment,
  ) => Promise<TaskResult>;
  /**
   * Called once an attempt. `release` is called when the attempt is over, however it ended; tests wrap stores here.
   */
  readonly makeEnvironment: (attempt: SequentialAttempt) => Promise<LentEnvironment>;
}

export interface SequentialAttempt {
  readonly spec: TaskSpec;
  readonly attemptId: AttemptId;
  readonly progress: Progress;
  readonly control: AttemptControl;
}

export interface LentEnvironment {
  readonly environment: TaskEnvironment;
  readonly release: () => Promise<void>;
}

export class SequentialPool implements ExecutorPool {
  readonly workers: readonly number[] = [0];
  readonly canKill = false;
  readonly #options: SequentialPoolOptions;

  constructor(options: SequentialPoolOptions) {
    this.#options = options;
  }

  start(_worker: number, spec: TaskSpec, attemptId: AttemptId): AttemptHandle {
    const progress = new PlainProgress();
    let isAskedToStop = false;
    const control: AttemptControl = {
      check() {
        if (isAskedToStop) throw new MapReduceError('CancelledError', 'the attempt was asked to stop');
      },
    };
    return {
      result: this.#run({ spec, attemptId, progress, control }),
      progress: () => progress,
      checks: () => 0,
      cancel: () => {
        isAskedToStop = true;
      },
      kill: () => {},
    };
  }

  async #run(attempt: SequentialAttempt): Promise<TaskResult> {
    // Signals and timers get their turn between attempts, even when an attempt never waits for anything.
    await new Promise((resolve) => setImmediate(resolve));
    attempt.control.check();
    const { environment, release } = await this.#options.makeEnvironment(attempt);
    try {
      return await this.#options.runTask(attempt.spec, attempt.attemptId, environment);
    } finally {
      await release();
    }
  }
}

class PlainProgress implements Progress {
  recordsRead = 0;
  bytesRead = 0;
  recordsWritten = 0;
  bytesSpilled = 0;
  spills = 0;
  pieceIndex = 0;
  chunkOffsetBytes = 0;
}
