import { type AttemptId, attemptId, type TaskId } from '../../base/ids.ts';

/**
 * Tells a task's attempts apart: 0, 1, 2, ... Kept for a whole job, not a stage, since a task may come back after its
 * stage: a shuffle object that turns out corrupt is made again.
 */
export class AttemptNumbers {
  readonly #next = new Map<TaskId, number>();

  take(task: TaskId): AttemptId {
    const number = this.#next.get(task) ?? 0;
    this.#next.set(task, number + 1);
    return attemptId(task, number);
  }
}
