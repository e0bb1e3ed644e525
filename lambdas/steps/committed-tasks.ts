/** Which tasks have committed, by the keys of what they committed: a listing, 1,000 tasks a request. */
import type { Job } from '../../src/api/job.ts';
import { type Stage, taskId } from '../../src/base/ids.ts';
import { committedKey } from '../../src/commit/layout.ts';
import type { JobLayout, JobSettings } from '../../src/plan/task.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

export async function committedTasks(
  store: ObjectStore,
  { stage, job, layout, settings }: { stage: Stage; job: Job; layout: JobLayout; settings: JobSettings },
): Promise<Set<number>> {
  const { extension } = job.output;
  const firstKey = committedKey(layout, taskId(stage, 0), { settings, extension });
  const prefix = firstKey.slice(0, firstKey.lastIndexOf('-') + 1);
  const committed = new Set<number>();
  for await (const { key } of store.list(prefix)) {
    const match = /^(\d{5,})(?:\.[^/]*)?$/.exec(key.slice(prefix.length));
    if (match !== null) committed.add(Number(match[1]));
  }
  return committed;
}
