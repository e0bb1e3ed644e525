/** The options and the result of a barrier between two stages. */
import { MapReduceError } from '../base/errors.ts';
import type { PartOwner } from '../commit/committed-part.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import type { ShuffleIndexBuilder } from '../shuffle/shuffle-index.ts';
import type { ObjectStore } from '../storage/object-store.ts';

export interface BarrierOptions {
  readonly plan: JobPlan;
  readonly store: ObjectStore;
  readonly layout: JobLayout;
  /** File extension of the job's output format. The names of its parts end with it. */
  readonly extension: string;
  /** How many records the previous stage wrote into each partition; empty for the first stage. */
  readonly partitionRecords: readonly number[];
  readonly removeForeign?: PartOwner['removeForeign'];
}

export interface BarrierResult {
  /**
   * Indexes of the tasks that have no committed, readable object, ascending. They must run (again). If there are any, the
   * other fields are empty.
   */
  readonly missing: readonly number[];
  /** For each task, the summary of the attempt that committed it. */
  readonly summaries: readonly TaskSummary[];
  /** How many records the stage wrote into each partition for the next stage; empty for the last stage. */
  readonly partitionRecords: readonly number[];
  /** The shuffle that the map stage wrote. Absent for other stages. */
  readonly shuffle?: WrittenShuffle;
}

export type WrittenShuffle = Pick<ShuffleIndexBuilder, 'cellsBytes' | 'indexBytes' | 'namesBytes'>;

/** Returns the entries that are defined, in order, and the indexes of the others. */
export function foundAndMissing<T>(entries: readonly (T | undefined)[]): {
  readonly found: readonly T[];
  readonly missing: readonly number[];
} {
  return {
    found: entries.filter((entry) => entry !== undefined),
    missing: [...entries.keys()].filter((index) => entries[index] === undefined),
  };
}

/** Loaded only for jobs whose tasks write several files. */
export async function summariesOfFiles(
  ...options: Parameters<CommittedFiles['summariesOfFiles']>
): Promise<(TaskSummary | undefined)[]> {
  return await (await import('../commit/committed-files.ts')).summariesOfFiles(...options);
}

type CommittedFiles = typeof import('../commit/committed-files.ts');

export function incomplete(missing: readonly number[]): BarrierResult {
  return { missing, summaries: [], partitionRecords: [] };
}

export function unbalanced(what: string): MapReduceError {
  return new MapReduceError(
    'BooksDoNotBalanceError',
    `the counts do not agree: ${what}. Nothing was published. This is a bug in the engine or in the input's record format: please report it`,
  );
}
