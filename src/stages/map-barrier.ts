/**
 * The barrier between map and reduce: counts for itself that every map task has committed (a coordinator may have lost
 * one), balances the books, and writes the partition-major index that the reducers start from.
 *
 * Called once by the coordinator when it believes the stage to be done, and again for a repair.
 * Idempotent.
 */
import { MapReduceError } from '../base/errors.ts';
import { taskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import { type PartOwner, summaryOrRemovePart } from '../commit/committed-part.ts';
import { mapTaskIndexOf, shuffleIndexKey, shufflePrefix, taskPartKey } from '../commit/layout.ts';
import { isUnusable } from '../commit/repair.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import { ShuffleIndexBuilder } from '../shuffle/shuffle-index.ts';
import { readShuffleFooter } from '../shuffle/shuffle-object.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';

export interface MapBarrierResult {
  /** Map tasks without a committed, readable object: to be run (again). When there are any, nothing else is filled in. */
  readonly missing: readonly number[];
  readonly summaries: readonly TaskSummary[];
  /** Records of the shuffle by partition. Empty for a map-only job. */
  readonly partitionRecords: readonly number[];
}

/** @throws BooksDoNotBalanceError when the maps did not read what was planned, exactly once. */
export async function closeMapStage(options: {
  plan: JobPlan;
  store: ObjectStore;
  layout: JobLayout;
  /** Of the job's output format: where a map-only job's parts are. */
  extension: string;
  removeForeign?: PartOwner['removeForeign'];
}): Promise<MapBarrierResult> {
  return options.plan.settings.reducers === 0 ? closeMapOnly(options) : closeShuffle(options);
}

async function closeShuffle({
  plan,
  store,
  layout,
}: {
  plan: JobPlan;
  store: ObjectStore;
  layout: JobLayout;
}): Promise<MapBarrierResult> {
  const maps = plan.splits.length;
  const partitions = plan.settings.reducers;
  const objects = new Array<ObjectInfo | undefined>(maps).fill(undefined);
  for await (const object of store.list(shufflePrefix(layout))) {
    const index = mapTaskIndexOf(object.key);
    if (index !== undefined && index < maps) objects[index] = object;
  }
  const missing = [...objects.keys()].filter((index) => objects[index] === undefined);
  if (missing.length > 0) return { missing, summaries: [], partitionRecords: [] };

  const found = objects as ObjectInfo[];
  const index = new ShuffleIndexBuilder(found, partitions);
  const partitionRecords = new Array<number>(partitions).fill(0);
  const recordsOf = new Array<number>(maps).fill(0);
  const damaged: number[] = [];
  const summaries = await mapBounded(found, LIMITS.barrierReadsMax, async (object, map) => {
    try {
      const { extents, summary } = await readShuffleFooter(store, object);
      // The footer of another task's object is sound, and its books are another task's.
      if (extents.length === partitions && summary.taskId === taskId('map', map)) {
        index.add(map, extents);
        for (const [partition, { records }] of extents.entries()) {
          partitionRecords[partition]! += records;
          recordsOf[map]! += records;
        }
        return summary;
      }
    } catch (error) {
      if (!isUnusable(error)) throw error;
    }
    // Cut short, damaged, or replaced since it was listed: it must go before another attempt can commit in its place.
    await store.delete([object.key]);
    damaged.push(map);
    return undefined;
  });
  if (!areAll(summaries)) {
    return { missing: damaged.sort((a, b) => a - b), summaries: [], partitionRecords: [] };
  }
  for (const [map, { recordsWritten }] of summaries.entries()) {
    if (recordsOf[map] !== recordsWritten) {
      throw unbalanced(
        `map task ${taskId('map', map)} says that it wrote ${recordsWritten} records; its partitions hold ${recordsOf[map]}`,
      );
    }
  }
  balanceInput(plan, summaries);
  await store.put(shuffleIndexKey(layout), index.finish());
  return { missing: [], summaries, partitionRecords };
}

function areAll(summaries: (TaskSummary | undefined)[]): summaries is TaskSummary[] {
  return summaries.every((summary) => summary !== undefined);
}

async function closeMapOnly({
  plan,
  store,
  layout,
  extension,
  removeForeign,
}: {
  plan: JobPlan;
  store: ObjectStore;
  layout: JobLayout;
  extension: string;
  removeForeign?: PartOwner['removeForeign'];
}): Promise<MapBarrierResult> {
  const { jobId, merge } = plan.settings;
  const found = await mapBounded([...plan.splits.keys()], LIMITS.barrierReadsMax, (map) =>
    summaryOrRemovePart(store, layout, taskPartKey(layout, taskId('map', map), { extension, merge }), {
      jobId,
      removeForeign,
    }),
  );
  const missing = [...found.keys()].filter((index) => found[index] === undefined);
  if (missing.length > 0) return { missing, summaries: [], partitionRecords: [] };
  const summaries = found as TaskSummary[];
  balanceInput(plan, summaries);
  return { missing: [], summaries, partitionRecords: [] };
}

/** Every byte of an uncompressed input belongs to exactly one record, so of exactly one map task. */
function balanceInput(plan: JobPlan, summaries: readonly TaskSummary[]): void {
  let planned = 0;
  for (const split of plan.splits) {
    for (const { file, startBytes, endBytes } of split.pieces) {
      if (file.compression === 'none') planned += endBytes - startBytes;
    }
  }
  const read = summaries.reduce((sum, summary) => sum + summary.plainBytesRead, 0);
  if (read !== planned) {
    throw unbalanced(
      `the map tasks read records of ${read} bytes in all; the input that was planned has ${planned}`,
    );
  }
}

export function unbalanced(what: string): MapReduceError {
  return new MapReduceError(
    'BooksDoNotBalanceError',
    `the books do not balance: ${what}. Nothing was published. This is a defect of the engine or of the input's record format: please report it`,
  );
}
