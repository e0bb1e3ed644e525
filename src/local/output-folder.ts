/**
 * The folder that a job's results go to: empty of results before, whole or without results after. Results that are to be
 * replaced are set aside until the new ones are whole, and come back if that never happens, however the job ended:
 *
 *     results --setAside--> _temporary/replaced --dropReplaced--> gone        the job committed
 *                                   \--restoreReplaced--> results             it failed, or was killed: by the next job
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removePrefix } from '../commit/commit-job.ts';
import { isResultName, MANIFEST_NAME, REPORT_NAME, SUCCESS_NAME } from '../commit/layout.ts';
import { MapReduceError } from '../errors.ts';
import type { FileStore } from '../storage/file-store.ts';

/** Intermediates of all jobs that write here; names that start with '_' are no input of other jobs. */
export const WORK_FOLDER = '_temporary/';
/** Who writes to the folder now (output-claim.ts). */
export const CLAIM_KEY = `${WORK_FOLDER}claim.json`;
const REPLACED_PREFIX = `${WORK_FOLDER}replaced/`;

/** What results are called (layout.ts). The folder may hold much else: only these are looked for. */
const RESULT_PREFIXES = ['part-', 'merged.', MANIFEST_NAME, REPORT_NAME, SUCCESS_NAME];

/**
 * Called by the holder of the folder's claim, before its job writes.
 *
 * @param output  the folder as it was typed, for the message
 * @throws OutputExistsError when there are results and they are not to be replaced.
 */
export async function prepareOutput(
  store: FileStore,
  { output, overwrite }: { output: string; overwrite: boolean },
): Promise<void> {
  await finishReplacing(store);
  if (overwrite) {
    await setAside(store);
    await removePrefix(store, WORK_FOLDER, (key) => key !== CLAIM_KEY && !key.startsWith(REPLACED_PREFIX));
    return;
  }
  const [result] = await resultsOf(store);
  if (result === undefined) return;
  throw new MapReduceError(
    'OutputExistsError',
    `${output} already holds results (${result}). Choose another --output, or replace them with --overwrite`,
    { details: { objectKey: result } },
  );
}

/** _SUCCESS first: what is left at any moment never looks whole. */
export async function removeResults(store: FileStore): Promise<void> {
  await store.delete([SUCCESS_NAME]);
  for (const prefix of RESULT_PREFIXES) await removePrefix(store, prefix, isResultName);
}

/** Called when the new results are whole. */
export async function dropReplaced(store: FileStore): Promise<void> {
  await rm(join(store.root, REPLACED_PREFIX), { recursive: true, force: true });
}

/** Called when the folder holds no results of the job that was to replace them. */
export async function restoreReplaced(store: FileStore): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of store.list(REPLACED_PREFIX)) keys.push(key);
  // _SUCCESS last, for the same reason.
  const success = `${REPLACED_PREFIX}${SUCCESS_NAME}`;
  for (const key of [
    ...keys.filter((other) => other !== success),
    ...keys.filter((other) => other === success),
  ]) {
    await rename(join(store.root, key), join(store.root, key.slice(REPLACED_PREFIX.length)));
  }
  await dropReplaced(store);
}

/** A job that was killed while it replaced results had either committed or not. */
async function finishReplacing(store: FileStore): Promise<void> {
  const isReplacing = !(await store.list(REPLACED_PREFIX).next()).done;
  if (!isReplacing) return;
  if ((await store.head(SUCCESS_NAME)) !== undefined) {
    await dropReplaced(store);
    return;
  }
  await removeResults(store);
  await restoreReplaced(store);
}

async function setAside(store: FileStore): Promise<void> {
  const results = await resultsOf(store);
  if (results.length === 0) return;
  await mkdir(join(store.root, REPLACED_PREFIX), { recursive: true });
  for (const key of results)
    await rename(join(store.root, key), join(store.root, `${REPLACED_PREFIX}${key}`));
}

/** Keys of the results that are there, _SUCCESS first. */
async function resultsOf(store: FileStore): Promise<string[]> {
  const results: string[] = [];
  for (const prefix of [SUCCESS_NAME, ...RESULT_PREFIXES.filter((other) => other !== SUCCESS_NAME)]) {
    for await (const { key } of store.list(prefix)) if (isResultName(key)) results.push(key);
  }
  return results;
}
