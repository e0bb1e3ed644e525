/** Lists the results in an output, and checks whether a job may write to it. */
import { MapReduceError } from '../../base/errors.ts';
import { isResultName } from '../../report/result-names.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { findDocument } from './documents.ts';
import { outputClaimKey } from './keys.ts';

/** Returns the names of results directly below the output. Other outputs may be nested deeper. */
export async function* resultNames(store: ObjectStore, outputPrefix: string): AsyncGenerator<string> {
  for await (const { key } of store.list(outputPrefix)) {
    const name = key.slice(outputPrefix.length);
    if (!name.includes('/') && isResultName(name)) yield name;
  }
}

/**
 * Only checks; does not claim the output.
 *
 * @param remedy  what else to do, other than choosing another output
 * @throws OutputExistsError if the output holds results or belongs to a job
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
