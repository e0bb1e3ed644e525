/**
 * The last look at the parts before the job commits: each must still be the object that the barrier saw, by its ETag. One
 * that was damaged, replaced or removed meanwhile is made again by its task.
 *
 * Called by whoever commits, at most once for each time that the last barrier was closed. Cost: one listing, which on S3
 * is a request for each 1,000 parts, and no byte of a part.
 */
import { MapReduceError } from '../base/errors.ts';
import { taskId } from '../base/ids.ts';
import { lastStage } from '../plan/stages.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import { PART_PREFIX } from '../report/result-names.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import { partKey } from './layout.ts';

/** @throws CorruptShuffleError that names the task to run again */
export async function verifyParts(
  plan: JobPlan,
  {
    store,
    layout,
    extension,
    summaries,
  }: { store: ObjectStore; layout: JobLayout; extension: string; summaries: readonly TaskSummary[] },
): Promise<void> {
  if (summaries.length === 0) return;
  const found = new Map<string, ObjectInfo>();
  for await (const object of store.list(`${layout.outputPrefix}${PART_PREFIX}`))
    found.set(object.key, object);
  for (const [index, { etag }] of summaries.entries()) {
    const task = taskId(lastStage(plan.settings), index);
    const key = partKey(layout, task, extension);
    const part = found.get(key);
    // A summary without ETag was stored by an earlier version, while the job was under way.
    if (part !== undefined && (etag === undefined || part.etag === etag)) continue;
    throw new MapReduceError(
      'CorruptShuffleError',
      `${store.location}/${key} ${part === undefined ? 'is gone' : 'was changed'} since its task committed it`,
      { details: { objectKey: key, toRepair: task } },
    );
  }
}
