/**
 * Bounds the bad records that a barrier holds in memory. Each task lists as many as a job may list in all, and there may be
 * thousands of tasks, whose summaries arrive in any order. A list is dropped as soon as the tasks before it have enough.
 */
import { LIMITS } from '../base/limits.ts';
import type { BadRecordPlace, TaskSummary } from '../report/task-summary.ts';

export class KeptBadRecords {
  readonly #byTask = new Map<number, { count: number; first: readonly BadRecordPlace[] }>();
  #held = 0;

  /** Returns the summary to hold; its list may be dropped here or later. Its count stays. */
  keep(task: number, summary: TaskSummary): TaskSummary {
    if (summary.badRecords === undefined) return summary;
    // A copy, whose list can be dropped later.
    const badRecords = { ...summary.badRecords };
    this.#byTask.set(task, badRecords);
    this.#held += badRecords.first.length;
    if (this.#held > HELD_MAX) this.#drop();
    return { ...summary, badRecords };
  }

  #drop(): void {
    let before = 0;
    this.#held = 0;
    for (const [, list] of [...this.#byTask].sort(([a], [b]) => a - b)) {
      if (before >= LIMITS.badRecordsListedMax) list.first = [];
      before += list.first.length;
      this.#held += list.first.length;
    }
  }
}

const HELD_MAX = 4 * LIMITS.badRecordsListedMax;
