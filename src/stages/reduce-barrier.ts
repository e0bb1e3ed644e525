/**
 * The barrier after reduce. It verifies that every reduce task has committed, and that each reducer read as many records
 * as the map tasks wrote into its partition.
 *
 * The coordinator calls it when it believes that the stage is done, and again after a repair. Idempotent.
 */
import { type TaskId, taskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import { summaryOrRemovePart } from '../commit/committed-part.ts';
import { mergeRunKey, partsAreInOrder, taskPartKey } from '../commit/layout.ts';
import { isUnusable } from '../commit/repair.ts';
import type { JobLayout } from '../plan/task.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import { readShuffleFooter } from '../shuffle/shuffle-object.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import {
  type BarrierOptions,
  type BarrierResult,
  foundAndMissing,
  incomplete,
  summariesOfFiles,
  unbalanced,
} from './barrier-result.ts';

/** @throws BooksDoNotBalanceError if a reduce task did not read each record of its partition exactly once */
export async function closeReduceStage({
  plan,
  partitionRecords,
  store,
  layout,
  extension,
  removeForeign,
}: BarrierOptions): Promise<BarrierResult> {
  const { jobId, reducers, merge, severalFiles } = plan.settings;
  const stage = 'reduce';
  const parts = severalFiles
    ? await summariesOfFiles(store, layout, { jobId, stage, tasks: reducers })
    : await mapBounded([...Array(reducers).keys()], LIMITS.barrierReadsMax, async (index) => {
        const task = taskId(stage, index);
        if (merge && !partsAreInOrder(plan.settings)) return readMergeRunSummary(store, layout, task);
        const key = taskPartKey(layout, task, { extension, merge });
        return summaryOrRemovePart(store, layout, key, { jobId, taskId: task, removeForeign });
      });
  const { found: summaries, missing } = foundAndMissing(parts);
  if (missing.length > 0) return incomplete(missing);
  for (const [partition, { recordsRead }] of summaries.entries()) {
    if (recordsRead !== partitionRecords[partition]) {
      throw unbalanced(
        `the map tasks wrote ${partitionRecords[partition]} records into partition ${partition}, but ${taskId('reduce', partition)} read ${recordsRead}`,
      );
    }
  }
  return { missing: [], summaries, partitionRecords: [] };
}

async function readMergeRunSummary(
  store: ObjectStore,
  layout: JobLayout,
  task: TaskId,
): Promise<TaskSummary | undefined> {
  const run = await store.head(mergeRunKey(layout, task));
  if (run === undefined) return undefined;
  try {
    const { extents, summary } = await readShuffleFooter(store, run);
    if (extents.length === 1 && summary.taskId === task) return summary;
  } catch (error) {
    if (!isUnusable(error)) throw error;
  }
  // The run is truncated, damaged, or was replaced after head(). Remove it, so that another attempt can commit in its place.
  await store.delete([run.key]);
  return undefined;
}
