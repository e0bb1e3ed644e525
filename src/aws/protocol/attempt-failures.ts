/**
 * The notes that failed attempts write, because Step Functions does not report the failed attempts of a child to its parent.
 * From the notes, a barrier finds out whether a missing task was lost or has used up its attempts. The report and
 * failure.json show the notes to people.
 */
import * as v from 'valibot';
import { BoundedList } from '../../base/bounded-list.ts';
import { errorRow } from '../../base/error-table.ts';
import { isMapReduceError, serializeError } from '../../base/errors.ts';
import { type AttemptId, type JobId, type TaskId, taskIdOf } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { attemptIdSchema, errorSchema, taskIdSchema } from '../../base/schemas.ts';
import { figuresSchema, measuredSchema } from '../../report/parse-attempts.ts';
import { attemptVerdict } from '../../stages/attempts.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { cutError, type ErrorBounds } from './cut-error.ts';
import { type AttemptFailureDocument, findDocument, writeDocument } from './documents.ts';
import { attemptFailureKey, attemptFailuresPrefix, attemptOfFailureKey } from './keys.ts';

/** How many notes are read at most. */
export const FAILURES_READ_MAX = 1_000;
/** Notes are for people, so they include stacks. */
const NOTE_BOUNDS: ErrorBounds = { charactersMax: 8_192, causesMax: 5, hasStacks: true };

export async function recordFailure(
  store: ObjectStore,
  failed: Pick<AttemptFailureDocument, 'taskId' | 'attemptId' | 'measured' | 'figures'> & {
    readonly jobId: JobId;
    readonly at: Date;
    readonly error: unknown;
  },
): Promise<void> {
  const { jobId, at, error, ...attempt } = failed;
  const { attemptId } = attempt;
  const document: AttemptFailureDocument = {
    ...attempt,
    at: at.toISOString(),
    error: cutError(serializeError(error), NOTE_BOUNDS),
  };
  await writeDocument(store, attemptFailureKey(jobId, attemptId), document);
}

/** Part of the id of a backup attempt. Its failures do not count, because the first attempt continues, with its retries. */
export const BACKUP_MARK = 'backup-';

export function isBackup(attemptId: AttemptId): boolean {
  return attemptId.includes(`.${BACKUP_MARK}`);
}

const noteSchema: v.GenericSchema<unknown, AttemptFailureDocument> = v.object({
  taskId: taskIdSchema,
  attemptId: attemptIdSchema,
  at: v.string(),
  error: errorSchema,
  measured: v.exactOptional(measuredSchema),
  figures: v.exactOptional(figuresSchema),
});

/** Returns undefined if there is no note, or if another version of this project wrote it in another form. */
export async function findFailure(
  store: ObjectStore,
  key: string,
): Promise<AttemptFailureDocument | undefined> {
  const note = v.safeParse(noteSchema, await findDocument<unknown>(store, key));
  return note.success ? note.output : undefined;
}

/**
 * Returns at most FAILURES_READ_MAX notes, oldest first. If there are more, it omits those with the lowest task ids, because
 * the notes of the stage that failed come last.
 *
 * @param tasks  whose notes to read; default: those of all tasks. Other notes do not count towards the maximum.
 */
export async function readFailures(
  store: ObjectStore,
  job: JobId,
  { since = '', tasks }: { since?: string; tasks?: ReadonlySet<TaskId> } = {},
): Promise<AttemptFailureDocument[]> {
  const keys = new BoundedList<string>(FAILURES_READ_MAX);
  for await (const { key } of store.list(attemptFailuresPrefix(job))) {
    const attempt = attemptOfFailureKey(key);
    if (tasks !== undefined && (attempt === undefined || !tasks.has(taskIdOf(attempt)))) continue;
    keys.add(key);
  }
  const read = await mapBounded(keys.toArray(), LIMITS.barrierReadsMax, (key) => findFailure(store, key));
  return read
    .filter((failure) => failure !== undefined)
    .filter(({ at }) => at >= since)
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** Returns the failure that used up the attempts of a task; undefined if another attempt may succeed. */
export function finalFailure(
  failures: readonly AttemptFailureDocument[],
  task: TaskId,
): AttemptFailureDocument | undefined {
  const ofTask = failures
    .filter(({ taskId }) => taskId === task)
    .map((note) => ({
      note,
      isRetryable: !isFinal(note.error.name),
      isExcused: isBackup(note.attemptId) || errorRow(note.error.name)?.retry === 'repair',
    }));
  const verdict = attemptVerdict(ofTask, LIMITS.attemptsMaxDefault);
  return verdict.kind === 'try again' ? undefined : verdict.attempt.note;
}

export function isFinal(errorName: string): boolean {
  return errorRow(errorName)?.retry === 'never';
}

/** A cancelled attempt has not failed. A task that has used up its attempts already has the notes of those attempts. */
export function isFailure(error: unknown): boolean {
  return !isMapReduceError(error, 'CancelledError') && !isMapReduceError(error, 'TaskFailedError');
}
