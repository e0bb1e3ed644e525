/**
 * Records which job owns an output. Every output has an object `_JOB`, including outputs that a request did not name:
 *
 *     { "jobId": "tuesday", "before": ["sunday", "monday"] }
 *
 * A job claims a free output with If-None-Match and takes over another job's output with If-Match. So exactly one of
 * several jobs succeeds. `before` lists the earlier owners. What they still write is removed, and a job that finds itself in
 * the list has lost the output. A job never removes or replaces what a job outside of `before` wrote, because that job may
 * be the next owner.
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

/** Earlier owners than these ended long ago. */
const OWNERS_KEPT_MAX = 100;
/** How often the claim may change hands while one job tries to take it. */
const TAKE_OVERS_MAX = 10;

/**
 * Called by plan before the plan is written, any number of times.
 *
 * @throws OutputExistsError if another job owns the output and `overwrite` is false, or has taken it over from this job
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
      // Cancel the owner before the claim changes, so that every job that loses its output is cancelled.
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
    `${store.location}/${key} was replaced ${TAKE_OVERS_MAX} times while this job tried to take over the output. Submit jobs with the same output one at a time`,
    { details: { jobId, objectKey: key } },
  );
}

/**
 * Returns the job's claim.
 *
 * @throws OutputExistsError if another job has taken over the output
 */
export async function assertOwned(store: ObjectStore, output: JobOutput): Promise<OutputClaim> {
  const { jobId, outputPrefix } = output;
  const key = outputClaimKey(outputPrefix);
  let claim: OutputClaim | undefined;
  try {
    claim = checkedClaim(await readDocument(store, key), store, key);
  } catch (error) {
    if (!isMapReduceError(error, 'ObjectNotFoundError')) throw error;
    // An earlier version planned the job and did not claim default outputs.
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
  const why = claim === undefined ? 'its _JOB was removed' : `job ${claim.jobId} took it over`;
  return new MapReduceError(
    'OutputExistsError',
    `${store.location}/${outputPrefix} no longer belongs to this job: ${why}. Submit the job again with a new id and an output that no other job writes to`,
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
    `${store.location}/${key} is not a valid claim, so the owner of this output is unknown. Remove that object, or choose another output`,
    { details: { objectKey: key } },
  );
}
