/**
 * The folder that a job's results go to: empty of results before, whole or without results after. Results that are to be
 * replaced are set aside until the new ones are whole, and come back if that never happens, however the job ended:
 *
 *     results ---> _temporary/moving ==> _temporary/replaced ---> gone       the job committed
 *     results <--- _temporary/moving <== _temporary/replaced                 it failed, or was killed: by the next job
 *
 * `==>` is one rename of the folder, `--->` one of each result. Who finds `moving` knows that the results beside it
 * belong to the same set, and brings the others back. Who finds `replaced` knows that those are another job's, which
 * has committed if _SUCCESS is among them.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removePrefix } from '../commit/commit-job.ts';
import { isResultName, MANIFEST_NAME, REPORT_NAME, SUCCESS_NAME } from '../commit/layout.ts';
import { MapReduceError } from '../errors.ts';
import { errnoOf, fileError } from '../storage/file-errors.ts';
import type { FileStore } from '../storage/file-store.ts';

/** Intermediates of all jobs that write here; names that start with '_' are no input of other jobs. */
export const WORK_FOLDER = '_temporary/';
const CLAIM_NAME = 'claim';
/** Who writes to the folder now (output-claim.ts). */
export const CLAIM_FOLDER = `${WORK_FOLDER}${CLAIM_NAME}`;
const REPLACED_PREFIX = `${WORK_FOLDER}replaced/`;
const MOVING_PREFIX = `${WORK_FOLDER}moving/`;

/** What results are called (layout.ts). The folder may hold much else: only these are looked for. */
const RESULT_PREFIXES = ['part-', 'merged.', MANIFEST_NAME, REPORT_NAME, SUCCESS_NAME];

/**
 * Called by the holder of the folder's claim, before its job writes. If it throws, results that are there stay.
 *
 * @param output  the folder as it was typed, for the message
 * @throws OutputExistsError when there are results and they are not to be replaced.
 */
export async function prepareOutput(
  store: FileStore,
  { output, overwrite }: { output: string; overwrite: boolean },
): Promise<void> {
  try {
    await finishReplacing(store);
    await removeDeadWork(store);
    if (overwrite) {
      await setAside(store);
      return;
    }
  } catch (error) {
    throw fileError(error, { action: 'prepare', path: store.root, key: WORK_FOLDER });
  }
  const [result] = await resultsOf(store);
  if (result === undefined) return;
  throw new MapReduceError(
    'OutputExistsError',
    `${output} already holds results (${result}). Choose another --output, or replace them with --overwrite`,
    { details: { objectKey: result } },
  );
}

/** Called when the job has committed. */
export async function dropReplaced(store: FileStore): Promise<void> {
  // _SUCCESS first: what is left at any moment never looks whole.
  await rm(join(store.root, REPLACED_PREFIX, SUCCESS_NAME), { force: true });
  await rm(join(store.root, REPLACED_PREFIX), { recursive: true, force: true });
}

/**
 * Called when the job has not committed and nothing of it runs any more: takes away its results, and brings back those
 * that it was to replace. What is still there when it throws, the next job finds.
 */
export async function restoreReplaced(store: FileStore): Promise<void> {
  await removeResults(store);
  if (!(await holdsAny(store, REPLACED_PREFIX))) return;
  await rename(join(store.root, REPLACED_PREFIX), join(store.root, MOVING_PREFIX));
  await moveBack(store);
}

/** What a job left that was killed while it replaced results. */
async function finishReplacing(store: FileStore): Promise<void> {
  await moveBack(store);
  const hasCommitted = (await store.head(SUCCESS_NAME)) !== undefined;
  if (!hasCommitted && (await holdsAny(store, REPLACED_PREFIX))) await restoreReplaced(store);
  else await dropReplaced(store);
}

/** Intermediates of jobs that were killed: whoever holds the claim is alone here. */
async function removeDeadWork(store: FileStore): Promise<void> {
  const folder = join(store.root, WORK_FOLDER);
  for (const name of await readdir(folder).catch(absentAsEmpty)) {
    if (name !== CLAIM_NAME) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function setAside(store: FileStore): Promise<void> {
  const results = await resultsOf(store);
  if (results.length === 0) return;
  try {
    await mkdir(join(store.root, MOVING_PREFIX), { recursive: true });
    for (const key of results) await rename(join(store.root, key), join(store.root, MOVING_PREFIX, key));
    await rename(join(store.root, MOVING_PREFIX), join(store.root, REPLACED_PREFIX));
  } catch (error) {
    await moveBack(store).catch(() => {}); // Else the next job does.
    throw error;
  }
}

async function moveBack(store: FileStore): Promise<void> {
  const names: string[] = [];
  for await (const { key } of store.list(MOVING_PREFIX)) names.push(key.slice(MOVING_PREFIX.length));
  // _SUCCESS last, as when they were made.
  const isSuccess = (name: string) => name === SUCCESS_NAME;
  for (const name of [...names.filter((other) => !isSuccess(other)), ...names.filter(isSuccess)]) {
    await rename(join(store.root, MOVING_PREFIX, name), join(store.root, name));
  }
  await rm(join(store.root, MOVING_PREFIX), { recursive: true, force: true });
}

/** _SUCCESS first. */
async function removeResults(store: FileStore): Promise<void> {
  await store.delete([SUCCESS_NAME]);
  for (const prefix of RESULT_PREFIXES) await removePrefix(store, prefix, isResultName);
}

/** Keys of the results that are there, _SUCCESS first. */
async function resultsOf(store: FileStore): Promise<string[]> {
  const results: string[] = [];
  for (const prefix of [SUCCESS_NAME, ...RESULT_PREFIXES.filter((other) => other !== SUCCESS_NAME)]) {
    for await (const { key } of store.list(prefix)) if (isResultName(key)) results.push(key);
  }
  return results;
}

async function holdsAny(store: FileStore, prefix: string): Promise<boolean> {
  return !(await store.list(prefix).next()).done;
}

function absentAsEmpty(error: unknown): string[] {
  if (errnoOf(error) === 'ENOENT') return [];
  throw error;
}
