/**
 * Writes the items of a Distributed Map: one JSON array in the bucket, in which each element is the input of one child. An
 * element holds everything that its task needs, unless a split has so many files that they do not fit the state of a child.
 */
import { type SettingsDocument, writeDocument } from '../../src/aws/protocol/documents.ts';
import { ITEM_BYTES_MAX, type MapItem, type TaskItem } from '../../src/aws/protocol/job-state.ts';
import { itemsKey, splitKey } from '../../src/aws/protocol/keys.ts';
import { type Stage, taskId } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { mapBounded } from '../../src/base/map-bounded.ts';
import { taskCounts } from '../../src/plan/stages.ts';
import type { JobPlan } from '../../src/plan/task.ts';
import type { SplitPiece } from '../../src/read/input-file.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

type ItemOf = (plan: JobPlan, index: number, store: ObjectStore) => Promise<TaskItem>;

const ITEM_OF: Readonly<Record<Stage, ItemOf>> = {
  map: async (plan, index, store): Promise<MapItem> => {
    const pieces = await piecesToCarry(plan, index, store);
    return pieces === null ? { index } : { index, pieces };
  },
  reduce: async (_plan, index) => ({ index }),
};

/** The pieces of each map task, for the settings of a small job. */
export function writePieces(
  store: ObjectStore,
  plan: JobPlan,
): Promise<NonNullable<SettingsDocument['pieces']>> {
  const indexes = [...plan.splits.keys()];
  return mapBounded(indexes, LIMITS.barrierReadsMax, (index) => piecesToCarry(plan, index, store));
}

/** Returns null for pieces that are too long for an item, after writing them to an object of their own. */
async function piecesToCarry(
  { splits, settings: { jobId } }: JobPlan,
  index: number,
  store: ObjectStore,
): Promise<readonly SplitPiece[] | null> {
  const { pieces } = splits[index]!;
  const item: MapItem = { index, pieces };
  if (Buffer.byteLength(JSON.stringify(item)) <= ITEM_BYTES_MAX) return pieces;
  await writeDocument(store, splitKey(jobId, taskId('map', index)), { pieces });
  return null;
}

/**
 * @param round  given if only some tasks of the stage run
 * @returns the key of the items
 */
export async function writeItems(
  store: ObjectStore,
  plan: JobPlan,
  stage: Stage,
  round?: { readonly number: number; readonly only: readonly number[] },
): Promise<string> {
  const indexes = round?.only ?? [...Array(taskCounts(plan)[stage]).keys()];
  const items = await mapBounded(indexes, LIMITS.barrierReadsMax, (index) =>
    ITEM_OF[stage](plan, index, store),
  );
  const key = itemsKey(plan.settings.jobId, stage, round?.number);
  await writeDocument(store, key, items);
  return key;
}
