/**
 * The barrier after map. It verifies that every map task has committed (a coordinator may have lost one) and that the
 * counts agree. Then it writes the index, ordered by partition, which the reducers read first.
 *
 * The coordinator calls it when it believes that the stage is done, and again after a repair. Idempotent.
 */

import { taskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import { sumOf } from '../base/sum.ts';
import { summaryOrRemovePart } from '../commit/committed-part.ts';
import { mapTaskIndexOf, shuffleIndexKey, shufflePrefix, taskPartKey } from '../commit/layout.ts';
import { isUnusable } from '../commit/repair.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import { ShuffleIndexBuilder } from '../shuffle/shuffle-index.ts';
import { readShuffleFooter, type ShuffleFooter } from '../shuffle/shuffle-object.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import {
  type BarrierOptions,
  type BarrierResult,
  foundAndMissing,
  incomplete,
  unbalanced,
} from './barrier-result.ts';

/** @throws BooksDoNotBalanceError if the map tasks did not read each planned byte exactly once */
export function closeMapStage(options: Omit<BarrierOptions, 'partitionRecords'>): Promise<BarrierResult> {
  return options.plan.settings.reducers === 0 ? closeMapOnly(options) : closeShuffle(options);
}

type Options = Parameters<typeof closeMapStage>[0];

async function closeShuffle({ plan, store, layout }: Options): Promise<BarrierResult> {
  const maps = plan.splits.length;
  const partitions = plan.settings.reducers;
  const { found: objects, missing } = foundAndMissing(await listShuffle(store, layout, maps));
  if (missing.length > 0) return incomplete(missing);

  const index = new ShuffleIndexBuilder(objects, partitions);
  const partitionRecords = new Array<number>(partitions).fill(0);
  const footers = await mapBounded(objects, LIMITS.barrierReadsMax, async (object, map) => {
    const footer = await usableFooter(object, { store, map, partitions });
    if (footer === undefined) return undefined;
    index.add(map, footer.extents);
    for (const [partition, { records }] of footer.extents.entries()) partitionRecords[partition]! += records;
    return { summary: footer.summary, records: sumOf(footer.extents, ({ records }) => records) };
  });
  const { found: committed, missing: damaged } = foundAndMissing(footers);
  if (damaged.length > 0) return incomplete(damaged);
  for (const [map, { summary, records }] of committed.entries()) {
    if (records !== summary.recordsWritten) {
      throw unbalanced(
        `map task ${taskId('map', map)} reports that it wrote ${summary.recordsWritten} records, but its partitions hold ${records}`,
      );
    }
  }
  const summaries = committed.map(({ summary }) => summary);
  checkBytesRead(plan, summaries);
  await store.put(shuffleIndexKey(layout), index.finish());
  return { missing: [], summaries, partitionRecords };
}

/** Returns the shuffle object that each map task has committed, by the index of the task. */
async function listShuffle(
  store: ObjectStore,
  layout: JobLayout,
  maps: number,
): Promise<(ObjectInfo | undefined)[]> {
  const objects = new Array<ObjectInfo | undefined>(maps).fill(undefined);
  for await (const object of store.list(shufflePrefix(layout))) {
    const index = mapTaskIndexOf(object.key);
    if (index !== undefined && index < maps) objects[index] = object;
  }
  return objects;
}

/** Returns undefined if the object is unusable. It has then been removed, so that another attempt can commit in its place. */
async function usableFooter(
  object: ObjectInfo,
  { store, map, partitions }: { store: ObjectStore; map: number; partitions: number },
): Promise<ShuffleFooter | undefined> {
  try {
    const footer = await readShuffleFooter(store, object);
    // An object of another task has a valid footer, but its counts are those of the other task.
    if (footer.extents.length === partitions && footer.summary.taskId === taskId('map', map)) return footer;
  } catch (error) {
    if (!isUnusable(error)) throw error;
  }
  await store.delete([object.key]);
  return undefined;
}

async function closeMapOnly({
  plan,
  store,
  layout,
  extension,
  removeForeign,
}: Options): Promise<BarrierResult> {
  const { jobId, merge } = plan.settings;
  const parts = await mapBounded([...plan.splits.keys()], LIMITS.barrierReadsMax, (map) => {
    const task = taskId('map', map);
    const key = taskPartKey(layout, task, { extension, merge });
    return summaryOrRemovePart(store, layout, key, { jobId, taskId: task, removeForeign });
  });
  const { found: summaries, missing } = foundAndMissing(parts);
  if (missing.length > 0) return incomplete(missing);
  checkBytesRead(plan, summaries);
  return { missing: [], summaries, partitionRecords: [] };
}

/** Every byte of an uncompressed input belongs to exactly one record, so exactly one map task must have read it. */
function checkBytesRead(plan: JobPlan, summaries: readonly TaskSummary[]): void {
  let planned = 0;
  for (const split of plan.splits) {
    for (const { file, startBytes, endBytes } of split.pieces) {
      if (file.compression === 'none') planned += endBytes - startBytes;
    }
  }
  const read = sumOf(summaries, ({ plainBytesRead }) => plainBytesRead);
  if (read !== planned) {
    throw unbalanced(`the map tasks read ${read} bytes of records, but the planned input has ${planned}`);
  }
}
