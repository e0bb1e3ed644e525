import type { Stage } from '../base/ids.ts';
import type { JobLayout, JobSettings } from '../plan/task.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import { committedPrefix } from './layout.ts';

/**
 * Finds the committed tasks of a stage, and the object of each, by task index. Cost: one listing, which on S3 is one
 * request per 1,000 tasks. It reads no object.
 */
export async function committedTasks(
  store: ObjectStore,
  {
    stage,
    layout,
    settings,
  }: { stage: Stage; layout: JobLayout; settings: Pick<JobSettings, 'reducers' | 'merge' | 'severalFiles'> },
): Promise<ReadonlyMap<number, ObjectInfo>> {
  const prefix = committedPrefix(layout, stage, settings);
  const committed = new Map<number, ObjectInfo>();
  for await (const object of store.list(prefix)) {
    const match = /^(\d{5,})(?:\.[^/]*)?$/.exec(object.key.slice(prefix.length));
    if (match !== null) committed.set(Number(match[1]), object);
  }
  return committed;
}
