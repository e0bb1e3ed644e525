/** Reports why a job failed: in the job's folder, next to the request, and in the event. */
import type * as v from 'valibot';
import { readFailures } from '../../src/aws/protocol/attempt-failures.ts';
import {
  type ClaimDocument,
  type FailureDocument,
  findDocument,
  writeDocument,
} from '../../src/aws/protocol/documents.ts';
import { causeOf } from '../../src/aws/protocol/failure-cause.ts';
import { hintsFor, hintText } from '../../src/aws/protocol/hints.ts';
import { keepAttempts } from '../../src/aws/protocol/job-attempts.ts';
import type { failureEventSchema } from '../../src/aws/protocol/job-state.ts';
import { failureKey, requestFailureKey, requestKey } from '../../src/aws/protocol/keys.ts';
import { parseStartEvent, type StartEvent } from '../../src/aws/protocol/start-event.ts';
import type { JobId } from '../../src/base/ids.ts';
import { cut } from '../../src/base/show-value.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { jobIdOfStart } from './claim.ts';
import type { StepEnvironment } from './environment.ts';

/** What the state machine fails with. */
export interface RecordedFailure {
  readonly jobId: JobId | '';
  readonly error: string;
  readonly cause: string;
}

const ATTEMPTS_SHOWN_MAX = 20;
/** For how long the step reads what tasks have committed, for the list of attempts. */
const ATTEMPTS_READ_MS = 15_000;
/** Bounds the cause with which the state machine fails. People read the first lines; failure.json has the rest. */
const SHOWN_CHARACTERS_MAX = 4_000;

export async function failureStep(
  event: v.InferOutput<typeof failureEventSchema>,
  { store, now }: StepEnvironment,
): Promise<RecordedFailure> {
  const start = startOf(event.execution.input);
  const id = event.jobId === '' ? start && (await jobIdOfStart(start, store)) : event.jobId;
  const attempts =
    id === undefined ? [] : await readFailures(store, id, { since: event.execution.startTime });
  const cause = causeOf(event.error, attempts);
  const document: FailureDocument = {
    formatVersion: 2,
    jobId: id ?? '',
    failedAt: now().toISOString(),
    ...cause,
    nextSteps: hintsFor(cause.error, { jobId: id, isPlanned: event.jobId !== '' }).map((hint) => ({
      ...hint,
      text: hintText(hint),
    })),
    failedAttempts: attempts.slice(-ATTEMPTS_SHOWN_MAX),
    execution: event.execution.id,
  };
  const isOurs = await write(document, { start, id, execution: event.execution.id, store });
  if (isOurs && id !== undefined && event.jobId !== '') {
    const lateMs = now().getTime() + ATTEMPTS_READ_MS;
    // The reason of the failure is more important, and it has been written.
    await keepAttempts(store, id, { isLate: () => now().getTime() > lateMs }).catch(() => {});
  }
  return {
    jobId: document.jobId,
    error: document.error,
    cause: cut(document.message, SHOWN_CHARACTERS_MAX).toWellFormed(),
  };
}

/** @returns whether the job's folder belongs to this execution */
async function write(
  document: FailureDocument,
  {
    start,
    id,
    execution,
    store,
  }: { start: StartEvent | undefined; id: JobId | undefined; execution: string; store: ObjectStore },
): Promise<boolean> {
  let isOurs = false;
  if (id !== undefined) {
    const claim = await findDocument<ClaimDocument>(store, requestKey(id));
    // If another request claimed the job, the job's folder belongs to that one. A redrive concerns the job itself.
    isOurs = claim === undefined || claim.execution === execution || start?.kind === 'redrive';
    if (isOurs) await writeDocument(store, failureKey(id), document);
    const requestObject = start?.kind === 'redrive' ? claim?.object : undefined;
    if (requestObject?.key.startsWith('requests/')) {
      await writeDocument(store, requestFailureKey(requestObject.key), document);
    }
  }
  if (start?.kind === 'request-object') {
    await writeDocument(store, requestFailureKey(start.object.key), document);
  }
  return isOurs;
}

function startOf(input: unknown): StartEvent | undefined {
  try {
    return parseStartEvent(input);
  } catch {
    return undefined;
  }
}
