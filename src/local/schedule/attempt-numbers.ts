import { type AttemptId, attemptId, type TaskId } from '../../base/ids.ts';

/**
 * Numbers the attempts of each task: 0, 1, 2, ... The numbers are kept for a whole job, not for one stage, because a task
 * may run again after its stage to recreate a corrupt shuffle object.
 */
export class AttemptNumbers {
  readonly #next = new Map<TaskId, number>();

  take(task: TaskId): AttemptId {
    const number = this.#next.get(task) ?? 0;
    this.#next.set(task, number + 1);
    return attemptId(task, number);
  }
}
