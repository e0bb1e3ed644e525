/**
 * The items of a Distributed Map: one JSON array on the bucket, each element the input of one child. An element holds
 * all that its task needs, unless a split packs so many files that they would not fit the state of a child.
 */
import { writeDocument } from '../../src/aws/protocol/documents.ts';
import { ITEM_BYTES_MAX, type MapItem, type ReduceItem } from '../../src/aws/protocol/job-state.ts';
import { itemsKey, splitKey } from '../../src/aws/protocol/keys.ts';
import { taskId } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { mapBounded } from '../../src/base/map-bounded.ts';
import type { JobPlan } from '../../src/plan/task.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

export interface ItemsToWrite {
  readonly round: number;
  /** Indexes of the tasks; by default all of the stage. */
  readonly only?: readonly number[];
}

/** @returns the key of the items */
export async function writeMapItems(
  store: ObjectStore,
  plan: JobPlan,
  { round, only = [...plan.splits.keys()] }: ItemsToWrite,
): Promise<string> {
  const { jobId } = plan.settings;
  const items = await mapBounded(only, LIMITS.barrierReadsMax, async (index): Promise<MapItem> => {
    const { pieces } = plan.splits[index];
    const item: MapItem = { index, pieces };
    if (Buffer.byteLength(JSON.stringify(item)) <= ITEM_BYTES_MAX) return item;
    await writeDocument(store, splitKey(jobId, taskId('map', index)), { pieces });
    return { index };
  });
  const key = itemsKey(jobId, 'map', round);
  await writeDocument(store, key, items);
  return key;
}

/** @returns the key of the items */
export async function writeReduceItems(
  store: ObjectStore,
  plan: JobPlan,
  { round, only = [...Array(plan.settings.reducers).keys()] }: ItemsToWrite,
): Promise<string> {
  const key = itemsKey(plan.settings.jobId, 'reduce', round);
  await writeDocument(
    store,
    key,
    only.map((index): ReduceItem => ({ index })),
  );
  return key;
}
