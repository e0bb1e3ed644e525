/** The prefix that a job's results go to: one job's alone, without results before, whole or without _SUCCESS after. */
import { findDocument, writeDocument, writeDocumentOnce } from '../../src/aws/documents.ts';
import { defaultOutputPrefix, outputClaimKey } from '../../src/aws/keys.ts';
import { removePrefix } from '../../src/commit/commit-job.ts';
import { isResultName, SUCCESS_NAME } from '../../src/commit/layout.ts';
import { MapReduceError } from '../../src/errors.ts';
import type { JobId } from '../../src/ids.ts';
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
  if (overwrite && (await findDocument<{ jobId: JobId }>(store, claimKey))?.jobId !== jobId) {
    // _SUCCESS first: what is left at any moment never looks whole.
    await store.delete([`${outputPrefix}${SUCCESS_NAME}`]);
    await removePrefix(store, outputPrefix, (key) => isResultName(key.slice(outputPrefix.length)));
    await writeDocument(store, claimKey, { jobId });
    return;
  }
  const { document } = await writeDocumentOnce(store, claimKey, { jobId });
  if (document.jobId !== jobId) throw taken(store, outputPrefix, `it belongs to job ${document.jobId}`);
  await refuseResults(store, outputPrefix);
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
