/**
 * The keys of a job's objects. They are public contract: tools read them, and redrive relies on them.
 *
 *     <work>/shuffle/m-00042         one shuffle object for each map task                 (shuffle-object.ts)
 *     <work>/shuffle-index           where each partition lies in each of them            (shuffle-index.ts)
 *     <work>/attempts/r-00007.1      summary of an attempt, where it does not fit the part's metadata
 *     <work>/merge/r-00007           a part that is still to be merged, in the format of a shuffle object; or as it is,
 *                                    where the parts are in order already
 *     <output>/part-r-00007.tsv      parts (part-m-... of a map-only job), or merged.tsv
 *     <output>/manifest.json         what was made, how, from what
 *     <output>/_report.html          the same for people; of jobs on AWS              (report-page/page.ts)
 *     <output>/_SUCCESS              empty; last of all
 *     <output>/_JOB                  whose the output is, from before the first part on; of jobs on AWS
 */
import type { RepairTarget } from '../base/errors.ts';
import { type AttemptId, isTaskId, type Stage, stageOf, type TaskId, taskId } from '../base/ids.ts';
import type { JobLayout, JobSettings } from '../plan/task.ts';
import { partName } from '../report/result-names.ts';

const SHUFFLE = 'shuffle/';
const SHUFFLE_INDEX = 'shuffle-index';
const MERGE = 'merge/';

export function shufflePrefix(layout: JobLayout): string {
  return `${layout.workPrefix}${SHUFFLE}`;
}

export function shuffleKey(layout: JobLayout, mapTask: TaskId): string {
  return `${shufflePrefix(layout)}${mapTask}`;
}

export function shuffleIndexKey(layout: JobLayout): string {
  return `${layout.workPrefix}${SHUFFLE_INDEX}`;
}

export function attemptSummaryKey(layout: JobLayout, attempt: AttemptId): string {
  return `${layout.workPrefix}attempts/${attempt}.json`;
}

export function mergeRunKey(layout: JobLayout, task: TaskId): string {
  return `${layout.workPrefix}${MERGE}${task}`;
}

/** Where a task leaves its formatted part: in the output, or, when the parts are to be merged, on the way there. */
export function taskPartKey(
  layout: JobLayout,
  task: TaskId,
  { extension, merge }: { extension: string; merge: boolean },
): string {
  return merge ? mergeRunKey(layout, task) : partKey(layout, task, extension);
}

/** The object whose appearance is the task's commit. */
export function committedKey(
  layout: JobLayout,
  task: TaskId,
  {
    settings: { reducers, merge },
    extension,
  }: { settings: Pick<JobSettings, 'reducers' | 'merge'>; extension: string },
): string {
  if (stageOf(task) === 'map' && reducers > 0) return shuffleKey(layout, task);
  return taskPartKey(layout, task, { extension, merge });
}

/** What the keys of a stage's committed objects have in common: the key of a task goes on with its five-digit index. */
export function committedPrefix(
  layout: JobLayout,
  stage: Stage,
  settings: Pick<JobSettings, 'reducers' | 'merge'>,
): string {
  const first = committedKey(layout, taskId(stage, 0), { settings, extension: '' });
  return first.slice(0, first.lastIndexOf('-') + 1);
}

/**
 * Whether the parts, one after the other, are the merged result. They are in the order of the input without a reduce, and
 * in the order of keys when each part holds a range of them.
 */
export function partsAreInOrder({ reducers, partition }: JobSettings): boolean {
  return reducers === 0 || partition.kind === 'range';
}

export function partKey(layout: JobLayout, task: TaskId, extension: string): string {
  return `${layout.outputPrefix}${partName(task, extension)}`;
}

const SHUFFLE_OBJECT = new RegExp(`(?:^|/)${SHUFFLE}m-(\\d{5,})$`);
/** Ends with the name of a map task's shuffle object, of a part on its way to the merged result, or of the index. */
const INTERMEDIATE = new RegExp(`(?:^|/)(?:${SHUFFLE}(?=m)|${MERGE}|(?=${SHUFFLE_INDEX}$))([^/]+)$`);

/** The index of the map task whose shuffle object this key is; undefined for other objects. */
export function mapTaskIndexOf(objectKey: string): number | undefined {
  const match = SHUFFLE_OBJECT.exec(objectKey);
  return match === null ? undefined : Number(match[1]);
}

/** What to repair when the object of this key is damaged or gone; undefined for an object that is no intermediate. */
export function repairTargetOf(objectKey: string): RepairTarget | undefined {
  const name = INTERMEDIATE.exec(objectKey)?.[1] ?? '';
  return name === SHUFFLE_INDEX || isTaskId(name) ? name : undefined;
}
