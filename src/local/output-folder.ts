/** The folder that a job's results go to: empty of results before, whole or without results after. */

import { removePrefix } from '../commit/commit-job.ts';
import { isResultName, MANIFEST_NAME, SUCCESS_NAME } from '../commit/layout.ts';
import { MapReduceError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** Intermediates of all jobs that write here; names that start with '_' are no input of other jobs. */
export const WORK_FOLDER = '_temporary/';
/** Who writes to the folder now (output-claim.ts). */
export const CLAIM_KEY = `${WORK_FOLDER}claim.json`;

/** What results are called (layout.ts). The folder may hold much else: only these are looked for. */
const RESULT_PREFIXES = ['part-', 'merged.', MANIFEST_NAME, SUCCESS_NAME];

/** @throws OutputExistsError when there are results and they are not to be replaced. */
export async function prepareOutput(store: ObjectStore, overwrite: boolean): Promise<void> {
  if (overwrite) {
    await removeResults(store);
    await removePrefix(store, WORK_FOLDER, (key) => key !== CLAIM_KEY);
    return;
  }
  for (const prefix of RESULT_PREFIXES) {
    for await (const { key } of store.list(prefix)) {
      if (!isResultName(key)) continue;
      throw new MapReduceError(
        'OutputExistsError',
        `${store.location} already holds results (${key}). Choose another --output, or replace them with --overwrite`,
        { details: { objectKey: key } },
      );
    }
  }
}

/** _SUCCESS first: what is left at any moment never looks whole. */
export async function removeResults(store: ObjectStore): Promise<void> {
  await store.delete([SUCCESS_NAME]);
  for (const prefix of RESULT_PREFIXES) await removePrefix(store, prefix, isResultName);
}
