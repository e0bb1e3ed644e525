/** What lies in an output on the bucket, and whether a job may write there. */
import { MapReduceError } from '../../base/errors.ts';
import { isResultName } from '../../report/result-names.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { findDocument } from './documents.ts';
import { outputClaimKey } from './keys.ts';

/** Names of results directly below the output: other outputs may lie deeper. */
export async function* resultNames(store: ObjectStore, outputPrefix: string): AsyncGenerator<string> {
  for await (const { key } of store.list(outputPrefix)) {
    const name = key.slice(outputPrefix.length);
    if (!name.includes('/') && isResultName(name)) yield name;
  }
}

/**
 * Looks, and claims nothing.
 *
 * @param remedy  what to do, beside choosing another output
 * @throws OutputExistsError when there are results, or the output belongs to a job
 */
export async function assertOutputFree(
  store: ObjectStore,
  outputPrefix: string,
  remedy: string,
): Promise<void> {
  for await (const name of resultNames(store, outputPrefix)) {
    throw outputTaken(store, { outputPrefix, why: `it holds ${name}`, remedy });
  }
  const claim = await findDocument<{ jobId?: unknown }>(store, outputClaimKey(outputPrefix));
  if (claim === undefined) return;
  throw outputTaken(store, { outputPrefix, why: `it belongs to job ${String(claim.jobId)}`, remedy });
}

export function outputTaken(
  store: ObjectStore,
  { outputPrefix, why, remedy }: { outputPrefix: string; why: string; remedy: string },
): MapReduceError {
  return new MapReduceError(
    'OutputExistsError',
    `${store.location}/${outputPrefix} already holds results (${why}). Choose another output, or ${remedy}`,
    { details: { objectKey: outputPrefix } },
  );
}
