/**
 * The barrier after map. It verifies that every map task has committed (a coordinator may have lost one) and that the
 * counts agree. Then it writes the index, ordered by partition, which the reducers read first.
 *
 * The coordinator calls it when it believes that the stage is done, and again after a repair. Idempotent.
 */

import { MapReduceError } from '../base/errors.ts';
import { taskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import { sumOf } from '../base/sum.ts';
import { summaryOrRemovePart } from '../commit/committed-part.ts';
import { mapTaskIndexOf, shuffleIndexKey, shufflePrefix, taskPartKey } from '../commit/layout.ts';
import { isUnusable } from '../commit/repair.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import { tooManyBad } from '../read/bad-records.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import { ShuffleIndexBuilder } from '../shuffle/shuffle-index.ts';
import { readShuffleFooter, type ShuffleFooter } from '../shuffle/shuffle-object.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import {
  type BarrierOptions,
  type BarrierResult,
  foundAndMissing,
  incomplete,
  summariesOfFiles,
  unbalanced,
} from './barrier-result.ts';
import { jobBadRecords } from './job-bad-records.ts';
import { KeptBadRecords } from './kept-bad-records.ts';

/**
 * @throws BooksDoNotBalanceError if the map tasks did not read each planned byte and record exactly once; CorruptInputError
 *   if a record was cut
 */
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
  const kept = new KeptBadRecords();
  const footers = await mapBounded(objects, LIMITS.barrierReadsMax, async (object, map) => {
    const footer = await usableFooter(object, { store, map, partitions });
    if (footer === undefined) return undefined;
    index.add(map, footer.extents);
    for (const [partition, { records }] of footer.extents.entries()) partitionRecords[partition]! += records;
    return {
      summary: kept.keep(map, footer.summary),
      records: sumOf(footer.extents, ({ records }) => records),
    };
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
  checkBadRecords(plan, summaries);
  checkRead(plan, summaries);
  await store.put(shuffleIndexKey(layout), index.finish());
  return { missing: [], summaries, partitionRecords, shuffle: index };
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
  const { jobId, merge, severalFiles } = plan.settings;
  const kept = new KeptBadRecords();
  const parts = severalFiles
    ? await summariesOfFiles(store, layout, { jobId, stage: 'map', tasks: plan.splits.length })
    : await mapBounded([...plan.splits.keys()], LIMITS.barrierReadsMax, async (map) => {
        const task = taskId('map', map);
        const key = taskPartKey(layout, task, { extension, merge });
        const summary = await summaryOrRemovePart(store, layout, key, { jobId, taskId: task, removeForeign });
        return summary && kept.keep(map, summary);
      });
  const { found: summaries, missing } = foundAndMissing(parts);
  if (missing.length > 0) return incomplete(missing);
  checkBadRecords(plan, summaries);
  checkRead(plan, summaries);
  return { missing: [], summaries, partitionRecords: [] };
}

/** Adds up the bad records of all tasks: each task could count only its own. */
function checkBadRecords(plan: JobPlan, summaries: readonly TaskSummary[]): void {
  const bad = jobBadRecords(summaries);
  const skip = plan.settings.onBadRecord?.skip ?? 0;
  if (bad !== undefined && bad.count > skip) throw tooManyBad(bad, skip);
}

/**
 * Every byte of an uncompressed input belongs to exactly one record, so exactly one map task must have read it; and every
 * record of a piece whose records the plan counted must have been read.
 */
function checkRead(plan: JobPlan, summaries: readonly TaskSummary[]): void {
  let plannedBytes = 0;
  let plannedRecords = 0;
  for (const split of plan.splits) {
    for (const { file, startBytes, endBytes, records } of split.pieces) {
      if (records !== undefined) plannedRecords += records;
      else if (file.compression === 'none') plannedBytes += endBytes - startBytes;
    }
  }
  checkBorders(plan, summaries);
  const bytes = sumOf(summaries, ({ plainBytesRead }) => plainBytesRead);
  if (bytes !== plannedBytes) {
    throw unbalanced(
      `the map tasks read ${bytes} bytes of records, but the planned input has ${plannedBytes}`,
    );
  }
  const records = sumOf(summaries, ({ plannedRecordsRead = 0 }) => plannedRecordsRead);
  if (records !== plannedRecords) {
    throw unbalanced(`the map tasks read ${records} records, but the planned input has ${plannedRecords}`);
  }
}

/** Verifies that the records of neighbouring pieces meet exactly, if their readers had to guess where the first one starts. */
function checkBorders(plan: JobPlan, summaries: readonly TaskSummary[]): void {
  let before: { readonly file: string; readonly input: number; readonly endBytes: number } | undefined;
  for (const [map, { covered = [] }] of summaries.entries()) {
    for (const { piece, startBytes, endBytes } of covered) {
      const { file, input = 0 } = plan.splits[map]!.pieces[piece]!;
      const isSame = before?.file === file.key && before.input === input;
      const expected = isSame ? before!.endBytes : 0;
      if (startBytes !== expected) throw wrongBorder(file.key, Math.min(startBytes, expected));
      before = { file: file.key, input, endBytes };
    }
  }
}

function wrongBorder(file: string, at: number): MapReduceError {
  return new MapReduceError(
    'CorruptInputError',
    `${file} was cut near byte ${at}, inside of a record: a quoted field there is longer than a map task could tell, or a quote is wrong. Nothing was published. Let the input format keep each file whole (split: false)`,
    { details: { file, offsetBytes: at } },
  );
}
