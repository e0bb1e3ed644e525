/** What every barrier between two stages is given and what it finds. */
import { MapReduceError } from '../base/errors.ts';
import type { PartOwner } from '../commit/committed-part.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import type { ObjectStore } from '../storage/object-store.ts';

export interface BarrierOptions {
  readonly plan: JobPlan;
  readonly store: ObjectStore;
  readonly layout: JobLayout;
  /** Of the job's output format: part of the names of its parts. */
  readonly extension: string;
  /** Records of each partition that the stage before wrote; empty for the first stage. */
  readonly partitionRecords: readonly number[];
  readonly removeForeign?: PartOwner['removeForeign'];
}

export interface BarrierResult {
  /**
   * Indexes of the tasks without a committed, readable object, ascending: they must run (again). The other fields are
   * empty unless this one is.
   */
  readonly missing: readonly number[];
  /** By task, what the attempt that committed it did. */
  readonly summaries: readonly TaskSummary[];
  /** Records of each partition that the stage wrote for the stage behind it; empty for the last stage. */
  readonly partitionRecords: readonly number[];
}

export function incomplete(missing: readonly number[]): BarrierResult {
  return { missing, summaries: [], partitionRecords: [] };
}

export function unbalanced(what: string): MapReduceError {
  return new MapReduceError(
    'BooksDoNotBalanceError',
    `the books do not balance: ${what}. Nothing was published. This is a defect of the engine or of the input's record format: please report it`,
  );
}
