/** Looks at what a task has committed, for reports about jobs that have not ended well. Changes nothing, unlike the barriers. */
import { isMapReduceError } from '../base/errors.ts';
import { type Stage, taskId } from '../base/ids.ts';
import type { JobLayout, JobSettings } from '../plan/task.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import { readShuffleFooter } from '../shuffle/shuffle-object.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import { summaryOfPart } from './committed-part.ts';
import { findFileList } from './file-list.ts';
import { partsAreInOrder } from './layout.ts';

/**
 * @param object  as committedTasks() lists it
 * @returns the summary of the attempt that committed the task; undefined if it cannot be read
 */
export async function committedSummary(
  store: ObjectStore,
  { object, stage, index, layout, settings }: CommittedTask,
): Promise<TaskSummary | undefined> {
  try {
    const hasFooter = (stage === 'map' && settings.reducers > 0) || isMergeRun(settings);
    if (hasFooter) return (await readShuffleFooter(store, object)).summary;
    if (settings.severalFiles) {
      const list = await findFileList(store, layout, { jobId: settings.jobId, taskId: taskId(stage, index) });
      return list === 'damaged' ? undefined : list?.summary;
    }
    const part = await store.head(object.key);
    return part && (await summaryOfPart(store, layout, part));
  } catch (error) {
    if (isMapReduceError(error)) return undefined;
    throw error;
  }
}

export interface CommittedTask {
  readonly object: ObjectInfo;
  readonly stage: Stage;
  readonly index: number;
  readonly layout: JobLayout;
  readonly settings: JobSettings;
}

function isMergeRun(settings: JobSettings): boolean {
  return settings.merge && !partsAreInOrder(settings);
}
