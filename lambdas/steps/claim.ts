/**
 * Ensures that one request starts one job, however often its event is delivered. The claim is a conditional write of
 * jobs/<jobId>/request.json. It names the execution, so that a step that runs again recognises its own claim.
 */

import * as v from 'valibot';
import { type ClaimDocument, readDocument, writeDocumentOnce } from '../../src/aws/protocol/documents.ts';
import { type JobRequest, parseJobRequest, REQUEST_BYTES_MAX } from '../../src/aws/protocol/job-request.ts';
import { INPUT_PREFIX, requestKey } from '../../src/aws/protocol/keys.ts';
import { assertShallow, parseJsonFrom } from '../../src/aws/protocol/parse.ts';
import { derivedJobId, type StartEvent } from '../../src/aws/protocol/start-event.ts';
import { isMapReduceError, MapReduceError } from '../../src/base/errors.ts';
import type { JobId } from '../../src/base/ids.ts';
import { jobIdSchema } from '../../src/base/schemas.ts';
import type { StartedBy } from '../../src/report/estimate.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

export interface Execution {
  /** ARN. */
  readonly id: string;
  readonly startTime: string;
}

export type ClaimableStart = Exclude<StartEvent, { kind: 'ignored' }>;

export interface ClaimedJob {
  readonly jobId: JobId;
  /** Not yet checked, so that errors in it are reported under the job's id. */
  readonly request: unknown;
  /** Used in messages. */
  readonly what: string;
  /** This execution has just claimed the job, so there is no plan yet. */
  readonly isNew: boolean;
  /** An uploaded input started the job. */
  readonly isUpload: boolean;
  readonly startedBy: StartedBy;
}

/**
 * @returns undefined if another execution runs the job for the same upload: the event was delivered twice
 * @throws JobAlreadyClaimedError if a request names a job id that belongs to another request
 */
export async function claimJob(
  start: ClaimableStart,
  execution: Execution,
  store: ObjectStore,
): Promise<ClaimedJob | undefined> {
  if (start.kind === 'redrive') return await claimed(start.jobId, store);
  const { request, what } = await requestOf(start, store);
  const id = requestedJobId(start, request);
  const object = 'object' in start ? start.object : undefined;
  const { document, written } = await writeDocumentOnce<ClaimDocument>(store, requestKey(id), {
    formatVersion: 1,
    jobId: id,
    execution: execution.id,
    claimedAt: execution.startTime,
    ...(object === undefined ? {} : { object }),
    request,
  });
  if (written || document.execution === execution.id) {
    return {
      jobId: id,
      request,
      what,
      isNew: written,
      isUpload: start.kind === 'upload',
      startedBy: STARTED_BY[start.kind],
    };
  }
  const isSameUpload =
    object !== undefined && document.object?.key === object.key && document.object.version === object.version;
  if (isSameUpload) return undefined;
  throw new MapReduceError(
    'JobAlreadyClaimedError',
    `the job id '${id}' belongs to another request, of ${document.claimedAt}. Choose another job id, or omit it to have one generated`,
    { details: { jobId: id } },
  );
}

const STARTED_BY = {
  submit: 'command',
  upload: 'upload',
  'request-object': 'request',
} as const satisfies Record<string, StartedBy>;

/** Finds the id of the job that an execution is for, if possible. Used for failures before there is a plan. */
export async function jobIdOfStart(start: StartEvent, store: ObjectStore): Promise<JobId | undefined> {
  if (start.kind === 'ignored') return undefined;
  if (start.kind === 'submit' || start.kind === 'redrive') return start.jobId;
  try {
    return requestedJobId(start, (await requestOf(start, store)).request);
  } catch {
    return derivedJobId(start);
  }
}

/** @throws UsageError */
export function checkedRequest({ request, what }: ClaimedJob): JobRequest {
  // The request is a text if it could not be parsed. Parsing it again throws the error.
  return parseJobRequest(typeof request === 'string' ? parseJsonFrom(request, what) : request, what);
}

function requestedJobId(start: Exclude<ClaimableStart, { kind: 'redrive' }>, request: unknown): JobId {
  if (start.kind === 'submit') return start.jobId;
  if (start.kind === 'upload') return derivedJobId(start);
  // If the job id is not valid, checkedRequest() reports that under the derived id.
  const asked = v.safeParse(v.object({ jobId: jobIdSchema }), request);
  return asked.success ? asked.output.jobId : derivedJobId(start);
}

async function requestOf(
  start: Exclude<ClaimableStart, { kind: 'redrive' }>,
  store: ObjectStore,
): Promise<{ request: unknown; what: string }> {
  switch (start.kind) {
    case 'submit':
      assertShallow(start.request, 'the submitted request');
      return { request: start.request, what: 'the submitted request' };
    case 'upload':
      if (start.app === '') {
        return {
          request: { app: '', inputs: [start.object.key] },
          what: `the upload ${start.object.key} (uploads belong below ${INPUT_PREFIX}<app>/)`,
        };
      }
      return {
        request: { app: start.app, inputs: [start.object.key] },
        what: `the upload ${start.object.key}`,
      };
    case 'request-object': {
      const { key } = start.object;
      const what = `the request ${key}`;
      const text = utf8Text(await requestBytes(store, { key, what }), what);
      try {
        return { request: parseJsonFrom(text, what), what };
      } catch {
        return { request: text, what };
      }
    }
  }
}

/** Decodes the bytes and removes the byte order mark that some editors write. */
function utf8Text(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new MapReduceError('UsageError', `${what} is not UTF-8. Save it as UTF-8 and upload it again`, {
      cause: error,
    });
  }
}

/** Reads one byte more than the maximum, which detects a request that is too large without a request for its size. */
async function requestBytes(
  store: ObjectStore,
  { key, what }: { key: string; what: string },
): Promise<Buffer> {
  const range = { start: 0, end: REQUEST_BYTES_MAX + 1 };
  const bytes = await store.get(key, { range }).catch((error: unknown) => {
    if (!isMapReduceError(error, 'ObjectNotFoundError')) throw error;
    throw new MapReduceError(
      'InputNotFoundError',
      `${what} was removed before it could be read. Upload it again`,
      { details: { objectKey: key } },
    );
  });
  if (bytes.length <= REQUEST_BYTES_MAX) return bytes;
  throw new MapReduceError(
    'UsageError',
    `${what} has more than ${REQUEST_BYTES_MAX} bytes, the maximum for a request. Name prefixes or globs instead of single objects`,
    { details: { objectKey: key } },
  );
}

async function claimed(id: JobId, store: ObjectStore): Promise<ClaimedJob> {
  try {
    const { request, object } = await readDocument<ClaimDocument>(store, requestKey(id));
    const isUpload = object?.key.startsWith(INPUT_PREFIX) ?? false;
    return {
      jobId: id,
      request,
      what: `the request of job ${id}`,
      isNew: false,
      isUpload,
      startedBy: object === undefined ? 'command' : isUpload ? 'upload' : 'request',
    };
  } catch (error) {
    if (!isMapReduceError(error, 'ObjectNotFoundError')) throw error;
    throw new MapReduceError(
      'UsageError',
      `there is no job '${id}' to redrive: ${store.location}/${requestKey(id)} does not exist. List the jobs with: mapreduce jobs`,
      { details: { jobId: id } },
    );
  }
}
