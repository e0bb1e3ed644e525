/**
 * The keys of a job's objects. They are public contract: other tools read them, and a redrive depends on them.
 *
 *     <work>/shuffle/m-00042         one shuffle object for each map task                 (shuffle-object.ts)
 *     <work>/shuffle-index           where each partition is in each shuffle object       (shuffle-index.ts)
 *     <work>/attempts/r-00007.1.json summary of an attempt, if it does not fit the part's metadata
 *     <work>/merge/r-00007           a part that is still to be merged: in the format of a shuffle object, or formatted
 *                                    if the parts are already in order
 *     <work>/files/r-00007           the list of the task's files, if tasks write several       (file-list.ts)
 *     <output>/part-r-00007.tsv      parts (part-m-... in a map-only job), or merged.tsv
 *     <output>/<folder>/part-r-00007.<attempt>.tsv   files of a task that writes several, perhaps in folders
 *     <output>/manifest.json         the result files, the settings and the inputs
 *     <output>/_report.html          the report for people; only on AWS                   (src/report/page/)
 *     <output>/_attempts.jsonl.gz    what each attempt did                                (src/report/attempt-rows.ts)
 *     <output>/_SUCCESS              empty; written last
 *     <output>/_JOB                  the job that owns the output, written before the first part; only on AWS
 */
import type { RepairTarget } from '../base/errors.ts';
import { type AttemptId, isTaskId, type Stage, stageOf, type TaskId, taskId } from '../base/ids.ts';
import type { JobLayout, JobSettings } from '../plan/task.ts';
import { partName } from '../report/result-names.ts';

const SHUFFLE = 'shuffle/';
const SHUFFLE_INDEX = 'shuffle-index';
const MERGE = 'merge/';
const FILES = 'files/';

export function shufflePrefix(layout: JobLayout): string {
  return `${layout.workPrefix}${SHUFFLE}`;
}

export function shuffleKey(layout: JobLayout, mapTask: TaskId): string {
  return `${shufflePrefix(layout)}${mapTask}`;
}

export function shuffleIndexKey(layout: JobLayout): string {
  return `${layout.workPrefix}${SHUFFLE_INDEX}`;
}

export function attemptSummariesPrefix(layout: JobLayout): string {
  return `${layout.workPrefix}attempts/`;
}

export function attemptSummaryKey(layout: JobLayout, attempt: AttemptId): string {
  return `${attemptSummariesPrefix(layout)}${attempt}.json`;
}

export function mergePrefix(layout: JobLayout): string {
  return `${layout.workPrefix}${MERGE}`;
}

export function mergeRunKey(layout: JobLayout, task: TaskId): string {
  return `${mergePrefix(layout)}${task}`;
}

export function fileListsPrefix(layout: JobLayout): string {
  return `${layout.workPrefix}${FILES}`;
}

/** Commits a task that writes several files. */
export function fileListKey(layout: JobLayout, task: TaskId): string {
  return `${fileListsPrefix(layout)}${task}`;
}

/** Where a task writes its formatted part: into the output, or into the work prefix if the parts are to be merged. */
export function taskPartKey(
  layout: JobLayout,
  task: TaskId,
  { extension, merge }: { extension: string; merge: boolean },
): string {
  return merge ? mergeRunKey(layout, task) : partKey(layout, task, extension);
}

/** The object that commits the task: the task has committed when this object exists. */
export function committedKey(
  layout: JobLayout,
  task: TaskId,
  {
    settings: { reducers, merge, severalFiles },
    extension,
  }: { settings: Pick<JobSettings, 'reducers' | 'merge' | 'severalFiles'>; extension: string },
): string {
  if (stageOf(task) === 'map' && reducers > 0) return shuffleKey(layout, task);
  if (severalFiles) return fileListKey(layout, task);
  return taskPartKey(layout, task, { extension, merge });
}

/** The common prefix of a stage's committed objects. In each key, the task's index of five digits or more follows. */
export function committedPrefix(
  layout: JobLayout,
  stage: Stage,
  settings: Pick<JobSettings, 'reducers' | 'merge' | 'severalFiles'>,
): string {
  const first = committedKey(layout, taskId(stage, 0), { settings, extension: '' });
  return first.slice(0, first.lastIndexOf('-') + 1);
}

/**
 * Whether concatenating the parts gives the merged result. Without a reduce, the parts are in the order of the input.
 * If each part holds a range of keys, the parts are in the order of the keys.
 */
export function partsAreInOrder({ reducers, partition }: JobSettings): boolean {
  return reducers === 0 || partition.kind === 'range';
}

export function partKey(layout: JobLayout, task: TaskId, extension: string): string {
  return `${layout.outputPrefix}${partName(task, extension)}`;
}

const SHUFFLE_OBJECT = new RegExp(`(?:^|/)${SHUFFLE}m-(\\d{5,})$`);
/** Captures the name of a map task's shuffle object, of a part to be merged, of a list of files, or of the index. */
const INTERMEDIATE = new RegExp(`(?:^|/)(?:${SHUFFLE}(?=m)|${MERGE}|${FILES}|(?=${SHUFFLE_INDEX}$))([^/]+)$`);

/** The index of the map task that wrote this shuffle object; undefined for other objects. */
export function mapTaskIndexOf(objectKey: string): number | undefined {
  const match = SHUFFLE_OBJECT.exec(objectKey);
  return match === null ? undefined : Number(match[1]);
}

/** What to repair if the object with this key is damaged or missing; undefined if it is not intermediate data. */
export function repairTargetOf(objectKey: string): RepairTarget | undefined {
  const name = INTERMEDIATE.exec(objectKey)?.[1] ?? '';
  return name === SHUFFLE_INDEX || isTaskId(name) ? name : undefined;
}
