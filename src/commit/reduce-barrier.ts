/**
 * The barrier behind reduce: counts for itself that every reduce task has committed, and balances the books: what the
 * maps wrote for a partition is what its reducer read.
 *
 * Called once by the coordinator when it believes the stage to be done. Idempotent.
 */
import { taskId } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import { mapBounded } from '../map-bounded.ts';
import { readShuffleFooter } from '../shuffle/shuffle-object.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { JobLayout, JobPlan } from '../task.ts';
import { mergeRunKey, partKey } from './layout.ts';
import { unbalanced } from './map-barrier.ts';
import { readPartSummary } from './part-writer.ts';
import type { TaskSummary } from './task-summary.ts';

export interface ReduceBarrierResult {
  readonly missing: readonly number[];
  readonly summaries: readonly TaskSummary[];
}

export async function closeReduceStage({
  plan,
  partitionRecords,
  store,
  layout,
  extension,
}: {
  plan: JobPlan;
  /** From the map barrier. */
  partitionRecords: readonly number[];
  store: ObjectStore;
  layout: JobLayout;
  extension: string;
}): Promise<ReduceBarrierResult> {
  const { reducers, merge } = plan.settings;
  const found = await mapBounded([...Array(reducers).keys()], LIMITS.barrierReadsMax, async (index) => {
    const task = taskId('reduce', index);
    if (!merge) return readPartSummary(store, layout, partKey(layout, task, extension));
    const run = await store.head(mergeRunKey(layout, task));
    return run === undefined ? undefined : (await readShuffleFooter(store, run)).summary;
  });
  const missing = [...found.keys()].filter((index) => found[index] === undefined);
  if (missing.length > 0) return { missing, summaries: [] };
  const summaries = found as TaskSummary[];
  for (const [partition, { recordsRead }] of summaries.entries()) {
    if (recordsRead !== partitionRecords[partition]) {
      throw unbalanced(
        `the maps wrote ${partitionRecords[partition]} records into partition ${partition}; ${taskId('reduce', partition)} read ${recordsRead}`,
      );
    }
  }
  return { missing: [], summaries };
}
