/**
 * Repairs damaged or missing intermediate data. A task that finds such data throws an error that names what to repair.
 * The coordinator then runs the task that wrote it again, or, for the shuffle index, closes the map barrier again.
 */
import { isMapReduceError, MapReduceError, type RepairTarget } from '../base/errors.ts';
import { isTaskId } from '../base/ids.ts';
import type { JobLayout, JobSettings } from '../plan/task.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { committedKey, repairTargetOf } from './layout.ts';

/** Whether the object is damaged or missing, or has changed since it was listed. */
export function isUnusable(error: unknown): error is MapReduceError {
  return (
    isMapReduceError(error, 'CorruptShuffleError') ||
    isMapReduceError(error, 'ObjectNotFoundError') ||
    isMapReduceError(error, 'PreconditionFailedError')
  );
}

/** If the error is about unusable intermediate data, returns an error that also names what to repair. */
export function namingRepair(error: unknown): unknown {
  if (!isUnusable(error) || error.details.objectKey === undefined) return error;
  const toRepair = repairTargetOf(error.details.objectKey);
  if (toRepair === undefined) return error;
  return new MapReduceError('CorruptShuffleError', error.message, {
    details: { ...error.details, toRepair },
    cause: error,
  });
}

/**
 * Removes the committed objects of the tasks, because no new attempt can commit while they exist. The index needs no
 * removal: the barrier overwrites it.
 */
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
