/**
 * Intermediates that are damaged or gone can be made again. Whoever meets one throws an error that names what to repair;
 * whoever coordinates runs that task again, or closes the map barrier again for the shuffle index.
 */
import { isMapReduceError, MapReduceError, type RepairTarget } from '../base/errors.ts';
import { isTaskId } from '../base/ids.ts';
import type { JobLayout, JobSettings } from '../plan/task.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { committedKey } from './layout.ts';

/** An intermediate's key: of a shuffle object, of the index, or of a part on its way to the merged result. */
const INTERMEDIATE = /(?:^|\/)(?:shuffle\/(?=m)|merge\/|(?=shuffle-index$))([^/]+)$/;

/** The object is damaged, gone, or no longer the one that was listed: somebody else touched it while it was read, say. */
export function isUnusable(error: unknown): error is MapReduceError {
  return (
    isMapReduceError(error, 'CorruptShuffleError') ||
    isMapReduceError(error, 'ObjectNotFoundError') ||
    isMapReduceError(error, 'PreconditionFailedError')
  );
}

/** An error about an intermediate that is damaged, gone, or not the one that was indexed, says what to repair. */
export function namingRepair(error: unknown): unknown {
  if (!isUnusable(error) || error.details.objectKey === undefined) return error;
  const name = INTERMEDIATE.exec(error.details.objectKey)?.[1] ?? '';
  if (name !== 'shuffle-index' && !isTaskId(name)) return error;
  return new MapReduceError('CorruptShuffleError', error.message, {
    details: { ...error.details, toRepair: name },
    cause: error,
  });
}

/** What a task has committed would win against any new attempt: it goes first. The index is simply written anew. */
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
