/**
 * Failed attempts leave a note, since Step Functions tells its parent nothing of what a child tried before it gave up.
 * The barriers learn from the notes whether a missing task was lost or has used up its attempts, and the report and
 * failure.json tell them to people.
 */
import * as v from 'valibot';
import { errorRow } from '../../base/error-table.ts';
import { isMapReduceError, serializeError } from '../../base/errors.ts';
import type { AttemptId, JobId, TaskId } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { attemptIdSchema, errorSchema, taskIdSchema } from '../../base/schemas.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { cutError, type ErrorBounds } from './cut-error.ts';
import { type AttemptFailureDocument, findDocument, writeDocument } from './documents.ts';
import { attemptFailureKey, attemptFailuresPrefix } from './keys.ts';

/** Notes read for one report, newest first to stay. */
export const FAILURES_READ_MAX = 1_000;
/** A note is for people. */
const NOTE_BOUNDS: ErrorBounds = { charactersMax: 8_192, causesMax: 5, hasStacks: true };

export async function recordFailure(
  store: ObjectStore,
  failed: {
    readonly jobId: JobId;
    readonly taskId: TaskId;
    readonly attemptId: AttemptId;
    readonly at: Date;
    readonly error: unknown;
  },
): Promise<void> {
  const { jobId, taskId, attemptId, at, error } = failed;
  const document: AttemptFailureDocument = {
    taskId,
    attemptId,
    at: at.toISOString(),
    error: cutError(serializeError(error), NOTE_BOUNDS),
  };
  await writeDocument(store, attemptFailureKey(jobId, attemptId), document);
}

/** In the id of a backup attempt. Whether it fails is of no matter: the first attempt goes on, with its retries. */
export const BACKUP_MARK = 'backup-';

export function isBackup(attemptId: AttemptId): boolean {
  return attemptId.includes(`.${BACKUP_MARK}`);
}

const noteSchema: v.GenericSchema<unknown, AttemptFailureDocument> = v.object({
  taskId: taskIdSchema,
  attemptId: attemptIdSchema,
  at: v.string(),
  error: errorSchema,
});

/** Returns undefined if the note is gone, or if another version of this project wrote it in another form. */
export async function findFailure(
  store: ObjectStore,
  key: string,
): Promise<AttemptFailureDocument | undefined> {
  const note = v.safeParse(noteSchema, await findDocument<unknown>(store, key));
  return note.success ? note.output : undefined;
}

/** Oldest first. At most FAILURES_READ_MAX of them. */
export async function readFailures(
  store: ObjectStore,
  job: JobId,
  { since = '' }: { since?: string } = {},
): Promise<AttemptFailureDocument[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(attemptFailuresPrefix(job))) {
    keys.push(key);
    if (keys.length === FAILURES_READ_MAX) break;
  }
  const read = await mapBounded(keys, LIMITS.barrierReadsMax, (key) => findFailure(store, key));
  return read
    .filter((failure) => failure !== undefined)
    .filter(({ at }) => at >= since)
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** The failure that used up a task's attempts; undefined while another attempt is worth making. */
export function finalFailure(
  failures: readonly AttemptFailureDocument[],
  task: TaskId,
): AttemptFailureDocument | undefined {
  const ofTask = failures.filter(({ taskId, attemptId }) => taskId === task && !isBackup(attemptId));
  const notRetryable = ofTask.findLast(({ error }) => isFinal(error.name));
  if (notRetryable !== undefined) return notRetryable;
  const counted = ofTask.filter(({ error }) => errorRow(error.name)?.retry !== 'repair');
  return counted.length >= LIMITS.attemptsMaxDefault ? counted.at(-1) : undefined;
}

export function isFinal(errorName: string): boolean {
  return errorRow(errorName)?.retry === 'never';
}

/** An attempt that was told to stop has not failed, and one without anything left to try has the notes of the others. */
export function isFailure(error: unknown): boolean {
  return !isMapReduceError(error, 'CancelledError') && !isMapReduceError(error, 'TaskFailedError');
}
