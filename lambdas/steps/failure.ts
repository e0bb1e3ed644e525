/** Tells people why a job failed: in the job's folder, beside the request, and as an answer for the event. */
import type * as v from 'valibot';
import { isFinal, readFailures } from '../../src/aws/protocol/attempt-failures.ts';
import {
  type AttemptFailureDocument,
  type ClaimDocument,
  findDocument,
  writeDocument,
} from '../../src/aws/protocol/documents.ts';
import { answerOf, isFunctionDeath, tellDeath } from '../../src/aws/protocol/function-death.ts';
import type { failureEventSchema } from '../../src/aws/protocol/job-state.ts';
import { failureKey, requestFailureKey, requestKey } from '../../src/aws/protocol/keys.ts';
import { parseStartEvent, type StartEvent } from '../../src/aws/protocol/start-event.ts';
import type { ErrorDetails } from '../../src/base/errors.ts';
import { type JobId, jobId } from '../../src/base/ids.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { jobIdOfStart } from './claim.ts';
import type { StepEnvironment } from './environment.ts';

/** failure.json. `message` is for a person, the rest for whoever looks closer. */
export interface FailureDocument {
  readonly formatVersion: 1;
  readonly jobId: string;
  readonly failedAt: string;
  readonly error: string;
  readonly message: string;
  readonly details: ErrorDetails;
  /** What may help. */
  readonly nextSteps: readonly string[];
  /** The last attempts that failed, newest last. */
  readonly failedAttempts: readonly AttemptFailureDocument[];
  readonly execution: string;
}

/** What the state machine fails with. */
export interface RecordedFailure {
  readonly jobId: string;
  readonly error: string;
  readonly cause: string;
}

const ATTEMPTS_SHOWN_MAX = 20;
/** Step Functions cuts a cause at 32,768 characters; people read the first lines. */
const CAUSE_CHARACTERS_MAX = 4_000;

export async function failureStep(
  event: v.InferOutput<typeof failureEventSchema>,
  { store, now }: StepEnvironment,
): Promise<RecordedFailure> {
  const start = startOf(event.execution.input);
  const id =
    event.jobId === undefined || event.jobId === ''
      ? start && (await jobIdOfStart(start, store))
      : jobId(event.jobId);
  const attempts =
    id === undefined ? [] : await readFailures(store, id, { since: event.execution.startTime });
  const cause = causeOf(event.error, attempts);
  const document: FailureDocument = {
    formatVersion: 1,
    jobId: id ?? '',
    failedAt: now().toISOString(),
    ...cause,
    nextSteps: nextSteps(cause.error, { id, wasPlanned: (event.jobId ?? '') !== '' }),
    failedAttempts: attempts.slice(-ATTEMPTS_SHOWN_MAX),
    execution: event.execution.id,
  };
  await write(document, { start, id, execution: event.execution.id, store });
  return {
    jobId: document.jobId,
    error: document.error,
    cause: document.message.slice(0, CAUSE_CHARACTERS_MAX),
  };
}

async function write(
  document: FailureDocument,
  {
    start,
    id,
    execution,
    store,
  }: { start: StartEvent | undefined; id: JobId | undefined; execution: string; store: ObjectStore },
): Promise<void> {
  if (id !== undefined) {
    const claim = await findDocument<ClaimDocument>(store, requestKey(id));
    // The folder of a job that another request claimed is that job's; a redrive is about the job itself.
    const isOurs = claim === undefined || claim.execution === execution || start?.kind === 'redrive';
    if (isOurs) await writeDocument(store, failureKey(id), document);
    const requestObject = start?.kind === 'redrive' ? claim?.object : undefined;
    if (requestObject?.key.startsWith('requests/')) {
      await writeDocument(store, requestFailureKey(requestObject.key), document);
    }
  }
  if (start?.kind === 'request-object') {
    await writeDocument(store, requestFailureKey(start.object.key), document);
  }
}

function startOf(input: unknown): StartEvent | undefined {
  try {
    return parseStartEvent(input);
  } catch {
    return undefined;
  }
}

/**
 * The most telling of what is known. Of a task that failed for good that is the note of its attempt: a Distributed Map
 * says only that a child failed, and a barrier that finds the task missing only that it did. Of anything else it is
 * what Lambda answered, which Step Functions hands on as JSON in `Cause`, or what ended the function.
 */
function causeOf(
  { Error: name, Cause: text }: { Error: string; Cause: string },
  attempts: readonly AttemptFailureDocument[],
): Pick<FailureDocument, 'error' | 'message' | 'details'> {
  const answer = answerOf(text);
  const failedTask = /^task (\S+) failed for good/.exec(answer ?? '')?.[1];
  const isOfTask =
    answer === undefined || failedTask !== undefined || name === 'States.ExceedToleratedFailureThreshold';
  const told = isOfTask ? mostTelling(attempts, failedTask) : undefined;
  if (told !== undefined) {
    return {
      error: told.error.name,
      message: `task ${told.taskId} failed for good: ${told.error.name}: ${told.error.message}`,
      details: { ...told.error.details, taskId: told.taskId, attemptId: told.attemptId },
    };
  }
  if (isFunctionDeath(name)) {
    const death = tellDeath({ Error: name, Cause: text });
    return { error: death.name, message: death.message, details: {} };
  }
  if (answer !== undefined) return { error: name, message: answer, details: {} };
  return {
    error: name,
    message: text === '' ? `the execution failed with ${name}` : text,
    details: {},
  };
}

function mostTelling(
  attempts: readonly AttemptFailureDocument[],
  task: string | undefined,
): AttemptFailureDocument | undefined {
  const ofTask = attempts.filter(({ taskId }) => task === undefined || taskId === task);
  return ofTask.findLast(({ error }) => isFinal(error.name)) ?? ofTask.at(-1);
}

function nextSteps(
  error: string,
  { id, wasPlanned }: { id: JobId | undefined; wasPlanned: boolean },
): string[] {
  const job = id ?? '<job id>';
  // Once there is a plan the request made sense, and what is wrong is elsewhere: a right that a role lacks, for one.
  switch (wasPlanned && error === 'UsageError' ? '' : error) {
    case 'UsageError':
    case 'InputNotFoundError':
    case 'OutputExistsError':
    case 'JobAlreadyClaimedError':
    case 'JobDefinitionError':
      return ['Correct the request as the message says, and submit it again.'];
    case 'InputChangedError':
      return [
        'Submit the job again: its plan was for the input as it was before. Upload inputs under new names rather than over old ones.',
      ];
    case 'WorkerOutOfMemoryError':
      return [
        'Deploy with more memory (taskMemoryMb for map, reduce and commit, stepMemoryMb for the others), or keep less in the job.',
        `Then go on from what is committed: mapreduce redrive ${job}`,
      ];
    case 'CancelledError':
      return [`Go on from what is committed: mapreduce redrive ${job}`];
    default:
      return [
        `See what the functions logged: mapreduce logs ${job}`,
        `When the reason is gone (fixed and deployed, or passing), go on from what is committed: mapreduce redrive ${job}`,
      ];
  }
}
