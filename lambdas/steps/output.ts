/**
 * The prefix that a job's results go to: one job's alone, without results before, whole or without _SUCCESS after.
 *
 * Where it was asked for by name, another job may take it over (`overwrite`): the claim then names that job, the one
 * before is cancelled, and what its attempts still write until they see that is removed by the new owner.
 */
import { findDocument, writeDocument, writeDocumentOnce } from '../../src/aws/documents.ts';
import { cancelKey, defaultOutputPrefix, outputClaimKey } from '../../src/aws/keys.ts';
import { removePrefix } from '../../src/commit/commit-job.ts';
import { isPartName, isResultName, SUCCESS_NAME } from '../../src/commit/layout.ts';
import { MapReduceError } from '../../src/errors.ts';
import type { JobId } from '../../src/ids.ts';
import type { PartReport } from '../../src/report.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/**
 * Called by plan before the plan is written, any number of times.
 *
 * @throws OutputExistsError when there are results and they are not to be replaced, or another job writes there
 */
export async function claimOutput(
  store: ObjectStore,
  { jobId, outputPrefix, overwrite }: { jobId: JobId; outputPrefix: string; overwrite: boolean },
): Promise<void> {
  if (outputPrefix === defaultOutputPrefix(jobId)) {
    // Nobody else's by name; but the folder of a job whose jobs/ entry has expired may still hold its results.
    await refuseResults(store, outputPrefix);
    return;
  }
  const claimKey = outputClaimKey(outputPrefix);
  const owner = await ownerOf(store, outputPrefix);
  if (overwrite && owner !== jobId) {
    if (owner !== undefined) await writeDocument(store, cancelKey(owner), {});
    // _SUCCESS first: what is left at any moment never looks whole.
    const success = `${outputPrefix}${SUCCESS_NAME}`;
    await store.delete([success]);
    await removePrefix(store, outputPrefix, (key) => isResultName(key.slice(outputPrefix.length)));
    await writeDocument(store, claimKey, { jobId });
    // The owner before may have committed until it lost the claim.
    await store.delete([success]);
    return;
  }
  const { document } = await writeDocumentOnce(store, claimKey, { jobId });
  if (document.jobId !== jobId) throw taken(store, outputPrefix, `it belongs to job ${document.jobId}`);
  await refuseResults(store, outputPrefix);
}

/** @throws OutputExistsError when another job has taken the output over */
export async function assertOwned(
  store: ObjectStore,
  { jobId, outputPrefix }: { jobId: JobId; outputPrefix: string },
): Promise<void> {
  if (outputPrefix === defaultOutputPrefix(jobId)) return;
  const owner = await ownerOf(store, outputPrefix);
  if (owner === jobId) return;
  throw new MapReduceError(
    'OutputExistsError',
    `${store.location}/${outputPrefix} is not this job's any more: ${owner === undefined ? 'its _JOB is gone' : `job ${owner} has taken it over`}. Submit the job again, to an output that nobody else writes to`,
    { details: { jobId, objectKey: outputPrefix } },
  );
}

/** For the barriers: removes a part that an attempt of an owner before has committed. */
export function foreignPartRemover(
  store: ObjectStore,
  output: { jobId: JobId; outputPrefix: string },
): (key: string) => Promise<void> {
  return async (key) => {
    await assertOwned(store, output);
    await store.delete([key]);
  };
}

/** Removes parts of owners before that no task of this job is to write, so that no barrier has come across them. */
export async function removeStrayParts(
  store: ObjectStore,
  { jobId, outputPrefix }: { jobId: JobId; outputPrefix: string },
  parts: readonly PartReport[],
): Promise<void> {
  if (outputPrefix === defaultOutputPrefix(jobId)) return;
  const names = new Set(parts.map(({ name }) => name));
  await removePrefix(store, outputPrefix, (key) => {
    const name = key.slice(outputPrefix.length);
    return isPartName(name) && !names.has(name);
  });
}

async function ownerOf(store: ObjectStore, outputPrefix: string): Promise<JobId | undefined> {
  return (await findDocument<{ jobId: JobId }>(store, outputClaimKey(outputPrefix)))?.jobId;
}

async function refuseResults(store: ObjectStore, outputPrefix: string): Promise<void> {
  for await (const { key } of store.list(outputPrefix)) {
    if (isResultName(key.slice(outputPrefix.length))) {
      throw taken(store, outputPrefix, `it holds ${key.slice(outputPrefix.length)}`);
    }
  }
}

function taken(store: ObjectStore, outputPrefix: string, why: string): MapReduceError {
  return new MapReduceError(
    'OutputExistsError',
    `${store.location}/${outputPrefix} already holds results (${why}). Choose another output, or replace them with "overwrite": true`,
    { details: { objectKey: outputPrefix } },
  );
}
