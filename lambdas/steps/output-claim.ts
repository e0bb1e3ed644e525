/**
 * Whose an output is: the one `_JOB` below it says so, of every output, also of those that were not asked for by name.
 *
 *     { "jobId": "tuesday", "before": ["sunday", "monday"] }
 *
 * A job claims a free output with If-None-Match, and takes over another's with If-Match, so exactly one of several takes
 * it over. `before` are the jobs that had the output: what they still write is removed, and a job that finds itself
 * among them knows that it has lost. A job never removes or replaces what a job outside of `before` wrote: that may be
 * its successor.
 */
import * as v from 'valibot';
import { readDocument, writeDocument, writeDocumentOnce } from '../../src/aws/protocol/documents.ts';
import { cancelKey, defaultOutputPrefix, outputClaimKey } from '../../src/aws/protocol/keys.ts';
import { outputTaken } from '../../src/aws/protocol/output-contents.ts';
import { isMapReduceError, MapReduceError } from '../../src/base/errors.ts';
import type { JobId } from '../../src/base/ids.ts';
import { jobIdSchema } from '../../src/base/schemas.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

export interface OutputClaim {
  readonly jobId: JobId;
  /** Latest last. */
  readonly before: readonly JobId[];
}

export interface JobOutput {
  readonly jobId: JobId;
  readonly outputPrefix: string;
}

/** Older owners have long ended. */
const OWNERS_KEPT_MAX = 100;
/** How often the claim may change hands while one job tries to take it. */
const TAKE_OVERS_MAX = 10;

/**
 * Called by plan before the plan is written, any number of times.
 *
 * @throws OutputExistsError when another job has the output and it is not to be taken over, or has taken it from this job
 */
export async function takeClaim(
  store: ObjectStore,
  { jobId, outputPrefix, overwrite }: JobOutput & { readonly overwrite: boolean },
): Promise<OutputClaim> {
  const key = outputClaimKey(outputPrefix);
  const first: OutputClaim = { jobId, before: [] };
  for (let attempt = 0; attempt < TAKE_OVERS_MAX; attempt++) {
    if ((await writeDocumentOnce<unknown>(store, key, first)).written) return first;
    const found = await store.head(key);
    if (found === undefined) continue;
    try {
      const claim = checkedClaim(await readDocument(store, key, { ifMatch: found.etag }), store, key);
      if (claim.jobId === jobId) return claim;
      if (claim.before.includes(jobId)) throw lost(store, { jobId, outputPrefix }, claim);
      if (!overwrite) throw taken(store, outputPrefix, `it belongs to job ${claim.jobId}`);
      // Before the claim changes hands, so that no owner that lost it is left uncancelled.
      await writeDocument(store, cancelKey(claim.jobId), {});
      const next: OutputClaim = { jobId, before: [...claim.before, claim.jobId].slice(-OWNERS_KEPT_MAX) };
      await writeDocument(store, key, next, { ifMatch: found.etag });
      return next;
    } catch (error) {
      const hasChanged =
        isMapReduceError(error, 'PreconditionFailedError') || isMapReduceError(error, 'ObjectNotFoundError');
      if (!hasChanged) throw error;
    }
  }
  throw new MapReduceError(
    'StorageError',
    `${store.location}/${key} was replaced ${TAKE_OVERS_MAX} times while this job tried to take the output over. Submit jobs for one output one after the other`,
    { details: { jobId, objectKey: key } },
  );
}

/**
 * The job's claim.
 *
 * @throws OutputExistsError when another job has taken the output over
 */
export async function assertOwned(store: ObjectStore, output: JobOutput): Promise<OutputClaim> {
  const { jobId, outputPrefix } = output;
  const key = outputClaimKey(outputPrefix);
  let claim: OutputClaim | undefined;
  try {
    claim = checkedClaim(await readDocument(store, key), store, key);
  } catch (error) {
    if (!isMapReduceError(error, 'ObjectNotFoundError')) throw error;
    // Planned before default outputs were claimed.
    if (outputPrefix === defaultOutputPrefix(jobId)) return { jobId, before: [] };
  }
  if (claim?.jobId === jobId) return claim;
  throw lost(store, output, claim);
}

export function taken(store: ObjectStore, outputPrefix: string, why: string): MapReduceError {
  return outputTaken(store, { outputPrefix, why, remedy: 'replace them with "overwrite": true' });
}

export function lost(
  store: ObjectStore,
  { jobId, outputPrefix }: JobOutput,
  claim: Pick<OutputClaim, 'jobId'> | undefined,
): MapReduceError {
  const why = claim === undefined ? 'its _JOB is gone' : `job ${claim.jobId} has taken it over`;
  return new MapReduceError(
    'OutputExistsError',
    `${store.location}/${outputPrefix} is not this job's any more: ${why}. Submit the job again under a new id, to an output that nobody else writes to`,
    { details: { jobId, objectKey: outputPrefix } },
  );
}

/** Earlier versions wrote no `before`. */
const claimSchema = v.object({ jobId: jobIdSchema, before: v.optional(v.array(jobIdSchema), []) });

function checkedClaim(document: unknown, store: ObjectStore, key: string): OutputClaim {
  const claim = v.safeParse(claimSchema, document);
  if (claim.success) return claim.output;
  throw new MapReduceError(
    'OutputExistsError',
    `${store.location}/${key} is no claim of a job, so nobody can tell whose this output is. Remove that object, or choose another output`,
    { details: { objectKey: key } },
  );
}
