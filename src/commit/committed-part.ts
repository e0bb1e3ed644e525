/**
 * A committed part, and what it says of itself in its metadata: the job that wrote it, and the summary of the attempt
 * that made it, or, where that does not fit, the attempt under whose id the summary is stored.
 *
 * The names of the metadata are contract: barriers read what attempts of an earlier version wrote.
 */
import { MapReduceError } from '../base/errors.ts';
import { isAttemptId, isJobId, type JobId } from '../base/ids.ts';
import type { JobLayout } from '../plan/task.ts';
import { parseSummary, type TaskSummary } from '../report/task-summary.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import { attemptSummaryKey } from './layout.ts';

export const SUMMARY_METADATA = 'mapreduce-summary';
export const ATTEMPT_METADATA = 'mapreduce-attempt';
/** Names the job that wrote an object of an output. */
export const JOB_METADATA = 'mapreduce-job';

/** The job that wrote the object; undefined for what no job wrote. */
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
  /** Removes a part that another job wrote, or throws. Without it, such a part is an OutputExistsError. */
  readonly removeForeign?: ((key: string) => Promise<void>) | undefined;
}

/**
 * The committed part; undefined when there is none. Removes a part that another job wrote, and one on its way to the
 * merged result that is damaged, so that its task can commit.
 *
 * @throws OutputExistsError where it may not be removed, or is no part of any job
 */
export async function findOrRemovePart(
  store: ObjectStore,
  layout: JobLayout,
  key: string,
  { jobId, removeForeign }: PartOwner,
): Promise<CommittedPart | undefined> {
  const object = await store.head(key);
  if (object === undefined) return undefined;
  const { [JOB_METADATA]: writer, [SUMMARY_METADATA]: text, [ATTEMPT_METADATA]: attempt } = object.metadata;
  if (writer !== jobId && key.startsWith(layout.workPrefix)) {
    // Nobody else writes there: it was damaged, and lost its metadata.
    await store.delete([key]);
    return undefined;
  }
  if (writer !== jobId) {
    if (writer === undefined || removeForeign === undefined) {
      throw new MapReduceError(
        'OutputExistsError',
        `${store.location}/${key} was not written by this job. Choose an output that nobody else writes to`,
        { details: { objectKey: key } },
      );
    }
    await removeForeign(key);
    return undefined;
  }
  if (text !== undefined) return { object, summary: parseSummary(text) };
  if (attempt === undefined || !isAttemptId(attempt)) {
    throw new MapReduceError(
      'StorageError',
      `${store.location}/${key} has neither a summary nor an attempt in its metadata. Remove it, so that its task runs again`,
      { details: { objectKey: key } },
    );
  }
  const summary = await store.get(attemptSummaryKey(layout, attempt));
  return { object, summary: parseSummary(summary.toString()) };
}

/**
 * The summary of a committed part, with its ETag; undefined when there is none. Removes what findOrRemovePart() does,
 * and a part that was cut short or grew since, so that its task can commit again.
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
