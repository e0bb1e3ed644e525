import type { StageTask } from './stage-task.ts';

/**
 * The tasks that wait for a worker. Retried tasks come first, so that a job that cannot succeed fails early; the others
 * follow in the order of their index. The stage bounds the queue: each task is in it at most once.
 */
export class TaskQueue {
  readonly #fresh: readonly StageTask[];
  #nextFresh = 0;
  #again: StageTask[] = [];
  #nextAgain = 0;

  constructor(tasks: readonly StageTask[]) {
    this.#fresh = tasks;
  }

  putBack(task: StageTask): void {
    this.#again.push(task);
  }

  take(): StageTask | undefined {
    if (this.#nextAgain < this.#again.length) {
      const task = this.#again[this.#nextAgain++];
      if (this.#nextAgain === this.#again.length) {
        this.#again = [];
        this.#nextAgain = 0;
      }
      return task;
    }
    return this.#nextFresh < this.#fresh.length ? this.#fresh[this.#nextFresh++] : undefined;
  }
}
