/**
 * Checks the parts a last time before the job commits. By its ETag, each part must still be the object that the barrier
 * saw. If a part was damaged, replaced or removed since then, its task runs again.
 *
 * The commit step calls this at most once each time the last barrier closes. Cost: one listing, which on S3 is one
 * request per 1,000 parts. It reads no part.
 */
import { MapReduceError } from '../base/errors.ts';
import { taskId } from '../base/ids.ts';
import { lastStage } from '../plan/stages.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import { PART_PREFIX } from '../report/result-names.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import { partKey } from './layout.ts';

/** @throws CorruptShuffleError, which names the task to run again */
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
    // A job that started under an earlier version may have summaries without an ETag.
    if (part !== undefined && (etag === undefined || part.etag === etag)) continue;
    throw new MapReduceError(
      'CorruptShuffleError',
      `${store.location}/${key} was ${part === undefined ? 'removed' : 'changed'} after its task committed it`,
      { details: { objectKey: key, toRepair: task } },
    );
  }
}
