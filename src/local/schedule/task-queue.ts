import type { StageTask } from './stage-task.ts';

/**
 * Tasks that wait for a worker: those that come back after a failure first (a job that cannot finish should say so
 * soon), then the others in the order of their index. Bounded by the stage: a task is in it at most once.
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
