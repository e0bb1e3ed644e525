/** Which files the tasks of a stage have committed, for jobs whose tasks write several (file-list.ts). */
import { MapReduceError } from '../base/errors.ts';
import { type JobId, type Stage, taskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import { sumOf } from '../base/sum.ts';
import { lastStage } from '../plan/stages.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import type { PartReport } from '../report/report.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { findOrRemoveFileList, listsWithLostFiles } from './file-list.ts';
import { fileListKey } from './layout.ts';

/**
 * For the barriers: returns the summary of each task that has committed its list, if every file of the list is there. Removes a
 * list that is damaged, or names a file that is missing or changed, so that the task can commit again.
 *
 * @throws UsageError if the job has more files than a manifest may name
 */
export async function summariesOfFiles(
  store: ObjectStore,
  layout: JobLayout,
  { jobId, stage, tasks }: { jobId: JobId; stage: Stage; tasks: number },
): Promise<(TaskSummary | undefined)[]> {
  const indexes = [...Array(tasks).keys()];
  const lists = await mapBounded(indexes, LIMITS.barrierReadsMax, async (index) => {
    const task = taskId(stage, index);
    return await findOrRemoveFileList(store, layout, { jobId, taskId: task });
  });
  assertCount(sumOf(lists, (list) => list?.files.length ?? 0));
  const lost = [...(await listsWithLostFiles(store, layout, lists)).keys()];
  if (lost.length > 0) await store.delete(lost.map((index) => fileListKey(layout, taskId(stage, index))));
  return lists.map((list, index) => (lost.includes(index) ? undefined : list?.summary));
}

/**
 * Returns the files of the result, in the order of outputs, folders and tasks. Called at most once each time the last barrier
 * closes, when nothing may have changed since the barrier.
 *
 * @throws CorruptShuffleError, which names the task to run again
 */
export async function resultFiles(
  { settings }: JobPlan,
  { store, layout, summaries }: { store: ObjectStore; layout: JobLayout; summaries: readonly TaskSummary[] },
): Promise<PartReport[]> {
  const { jobId } = settings;
  const stage = lastStage(settings);
  const lists = await mapBounded([...summaries.keys()], LIMITS.barrierReadsMax, async (index) => {
    const task = taskId(stage, index);
    const list = await findOrRemoveFileList(store, layout, { jobId, taskId: task });
    if (list !== undefined && list.summary.etag === summaries[index]!.etag) return list;
    throw changed(store, fileListKey(layout, task), { toRepair: task });
  });
  for (const [index, name] of await listsWithLostFiles(store, layout, lists)) {
    throw changed(store, `${layout.outputPrefix}${name}`, { toRepair: taskId(stage, index) });
  }
  return lists
    .flatMap(({ files }) => files.map(({ name, records, bytes, crc32 }) => ({ name, records, bytes, crc32 })))
    .sort((a, b) => compareNames(a.name, b.name));
}

/** Files of one folder are next to each other, and a folder stands before its subfolders. */
function compareNames(a: string, b: string): number {
  const [folderA, folderB] = [a.slice(0, a.lastIndexOf('/') + 1), b.slice(0, b.lastIndexOf('/') + 1)];
  if (folderA !== folderB) return Buffer.compare(Buffer.from(folderA), Buffer.from(folderB));
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function assertCount(files: number): void {
  if (files <= LIMITS.resultFilesMax) return;
  throw new MapReduceError(
    'UsageError',
    `the result would have ${files} files; the maximum is ${LIMITS.resultFilesMax}. Use fewer folders, larger files or fewer reducers`,
  );
}

function changed(
  store: ObjectStore,
  objectKey: string,
  details: { toRepair: ReturnType<typeof taskId> },
): Error {
  return new MapReduceError(
    'CorruptShuffleError',
    `${store.location}/${objectKey} was changed or removed after its task committed it`,
    { details: { objectKey, ...details } },
  );
}
