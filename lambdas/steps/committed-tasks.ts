/** Which tasks have committed, by the keys of what they committed: a listing, 1,000 tasks a request. */
import { shufflePrefix } from '../../src/commit/layout.ts';
import type { Stage } from '../../src/ids.ts';
import type { Job } from '../../src/job.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { JobLayout, JobSettings } from '../../src/task.ts';

export async function committedTasks(
  store: ObjectStore,
  { stage, job, layout, settings }: { stage: Stage; job: Job; layout: JobLayout; settings: JobSettings },
): Promise<Set<number>> {
  const prefix = committedPrefix(stage, { job, layout, settings });
  const committed = new Set<number>();
  for await (const { key } of store.list(prefix)) {
    const match = /[mr]-(\d{5,})(?:\.[^/]*)?$/.exec(key);
    if (match !== null) committed.add(Number(match[1]));
  }
  return committed;
}

function committedPrefix(
  stage: Stage,
  { job, layout, settings }: { job: Job; layout: JobLayout; settings: JobSettings },
): string {
  if (stage === 'map' && job.shuffle !== undefined) return shufflePrefix(layout);
  const initial = stage === 'map' ? 'm' : 'r';
  return settings.merge ? `${layout.workPrefix}merge/${initial}-` : `${layout.outputPrefix}part-${initial}-`;
}
