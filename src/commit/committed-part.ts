/**
 * A committed part describes itself in its metadata. The metadata names the job that wrote the part, and holds the
 * summary of the attempt that wrote it. If the summary does not fit, the metadata holds the attempt's id instead, and
 * the summary is stored under that id.
 *
 * The names of the metadata are public contract: barriers read parts that an earlier version wrote.
 */
import { isMapReduceError, MapReduceError } from '../base/errors.ts';
import { isAttemptId, isJobId, type JobId, type TaskId } from '../base/ids.ts';
import type { JobLayout } from '../plan/task.ts';
import { parseSummary, type TaskSummary } from '../report/task-summary.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import { attemptSummaryKey } from './layout.ts';

export const SUMMARY_METADATA = 'mapreduce-summary';
export const ATTEMPT_METADATA = 'mapreduce-attempt';
/** Names the job that wrote an object of an output. */
export const JOB_METADATA = 'mapreduce-job';

/** The job that wrote the object; undefined if no job wrote it. */
export function writerOf({ metadata }: ObjectInfo): JobId | undefined {
  const writer = metadata[JOB_METADATA];
  return writer !== undefined && isJobId(writer) ? writer : undefined;
}

export interface CommittedPart {
  readonly object: ObjectInfo;
  readonly summary: TaskSummary;
}

export interface PartOwner {
  readonly jobId: JobId;
  readonly taskId: TaskId;
  /** Removes a part that another job wrote, or throws. Without it, such a part causes an OutputExistsError. */
  readonly removeForeign?: ((key: string) => Promise<void>) | undefined;
}

/**
 * Finds the committed part; returns undefined if there is none. Removes a part that another job or another task wrote, a
 * part without its summary, and a damaged part that is still to be merged, so that the task can commit.
 *
 * @throws OutputExistsError if the part may not be removed, or if no job wrote it
 */
export async function findOrRemovePart(
  store: ObjectStore,
  layout: JobLayout,
  key: string,
  { jobId, taskId, removeForeign }: PartOwner,
): Promise<CommittedPart | undefined> {
  const object = await store.head(key);
  if (object === undefined) return undefined;
  const { [JOB_METADATA]: writer } = object.metadata;
  if (writer !== jobId && key.startsWith(layout.workPrefix)) {
    // Only this job writes there, so the object was damaged and lost its metadata.
    await store.delete([key]);
    return undefined;
  }
  if (writer !== jobId) {
    if (writer === undefined || removeForeign === undefined) {
      throw new MapReduceError(
        'OutputExistsError',
        `${store.location}/${key} was not written by this job. Choose an output that nothing else writes to`,
        { details: { objectKey: key } },
      );
    }
    await removeForeign(key);
    return undefined;
  }
  const summary = await summaryOfPart(store, layout, object);
  if (summary?.taskId === taskId) return { object, summary };
  // Its summary has expired or is damaged, or something copied the part of another task over this one.
  await store.delete([key]);
  return undefined;
}

/** Returns undefined if the summary of the part is damaged, or gone. */
export async function summaryOfPart(
  store: ObjectStore,
  layout: JobLayout,
  { key, metadata }: ObjectInfo,
): Promise<TaskSummary | undefined> {
  const { [SUMMARY_METADATA]: text, [ATTEMPT_METADATA]: attempt } = metadata;
  return summaryIn(text ?? (await storedSummary(store, layout, { key, attempt })));
}

function summaryIn(text: string | undefined): TaskSummary | undefined {
  try {
    return text === undefined ? undefined : parseSummary(text);
  } catch {
    return undefined;
  }
}

/** Returns undefined if the summary is gone: it expires before the part does. */
async function storedSummary(
  store: ObjectStore,
  layout: JobLayout,
  { key, attempt }: { key: string; attempt: string | undefined },
): Promise<string | undefined> {
  if (attempt === undefined || !isAttemptId(attempt)) {
    throw new MapReduceError(
      'StorageError',
      `${store.location}/${key} has neither a summary nor an attempt in its metadata. Remove it, so that its task runs again`,
      { details: { objectKey: key } },
    );
  }
  try {
    return (await store.get(attemptSummaryKey(layout, attempt))).toString();
  } catch (error) {
    if (isMapReduceError(error, 'ObjectNotFoundError')) return undefined;
    throw error;
  }
}

/**
 * Returns the summary of a committed part, with its ETag; undefined if there is no part. Removes the same parts as
 * findOrRemovePart(), and a part whose size has changed since its commit, so that the task can commit again.
 */
export async function summaryOrRemovePart(
  store: ObjectStore,
  layout: JobLayout,
  key: string,
  owner: PartOwner,
): Promise<TaskSummary | undefined> {
  const part = await findOrRemovePart(store, layout, key, owner);
  if (part === undefined) return undefined;
  const { object, summary } = part;
  if (object.sizeBytes === summary.bytesWritten) return { ...summary, etag: object.etag };
  await store.delete([key]);
  return undefined;
}
