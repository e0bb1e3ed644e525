/**
 * Intermediates that are damaged or gone can be made again. A task that meets one throws an error that names what to
 * repair; the coordinator runs that task again, or closes the map barrier again for the shuffle index.
 */
import { isMapReduceError, MapReduceError, type RepairTarget } from '../base/errors.ts';
import { isTaskId } from '../base/ids.ts';
import type { JobLayout, JobSettings } from '../plan/task.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { committedKey, repairTargetOf } from './layout.ts';

/** The object is damaged, gone, or no longer the one that was listed, because it was changed while it was read. */
export function isUnusable(error: unknown): error is MapReduceError {
  return (
    isMapReduceError(error, 'CorruptShuffleError') ||
    isMapReduceError(error, 'ObjectNotFoundError') ||
    isMapReduceError(error, 'PreconditionFailedError')
  );
}

/** Adds what to repair to an error about an intermediate that is damaged, gone, or not the one that was indexed. */
export function namingRepair(error: unknown): unknown {
  if (!isUnusable(error) || error.details.objectKey === undefined) return error;
  const toRepair = repairTargetOf(error.details.objectKey);
  if (toRepair === undefined) return error;
  return new MapReduceError('CorruptShuffleError', error.message, {
    details: { ...error.details, toRepair },
    cause: error,
  });
}

/** Removes what the tasks have committed, since it would win against any new attempt. The index is simply written anew. */
export async function discardForRepair(
  targets: readonly RepairTarget[],
  {
    store,
    layout,
    settings,
    extension,
  }: { store: ObjectStore; layout: JobLayout; settings: JobSettings; extension: string },
): Promise<void> {
  const tasks = targets.filter((target) => target !== 'shuffle-index').filter((target) => isTaskId(target));
  if (tasks.length === 0) return;
  await store.delete(tasks.map((task) => committedKey(layout, task, { settings, extension })));
}
