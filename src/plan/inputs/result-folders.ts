/**
 * Handles results of earlier jobs among the input. A result is recognised by its manifest.json and its _SUCCESS. Only its
 * parts are data, not the manifest, the report or anything else in its folder. Parts may be in folders below it.
 *
 *     its folder was named (`out/`, `out/*`, `res*` + '/')    reads its parts, checked against the manifest
 *     a folder below it was named (`out/dt=2024-01-01/`)      reads its parts in that folder
 *     it is inside of a folder that was named                 reads nothing of it, and reports that
 *
 * The last rule exists because results are often written beside data: otherwise they would silently be read as input, and
 * again by every later run.
 *
 * The manifest is looked for in every folder with a file that has the name of a part, and in the folders above, even if the
 * input does not select the manifest. If there is none, the parts may belong to a job that has not finished, or to a result being replaced.
 */
import { basename, dirname } from 'node:path/posix';
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import type { InputFile } from '../../read/input-file.ts';
import { parseManifest } from '../../report/manifest.ts';
import type { PartReport } from '../../report/report.ts';
import { isAttemptFileName, isPartName, MANIFEST_NAME, SUCCESS_NAME } from '../../report/result-names.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

export interface ResultRules {
  readonly store: ObjectStore;
  /** Whether the input names this folder itself, and not only one above it. The folder has no '/' at its end. */
  readonly isNamed: (folder: string) => boolean;
  /** Whether this is the output of the job that is being planned, which the caller handles. */
  readonly isOwn: (folder: string) => Promise<boolean>;
  /** Finds traces of a job in the folder, other than a manifest. */
  readonly traces: (folder: string) => Promise<Traces>;
  /** Whether the input would select this file if it existed. */
  readonly selects: (key: string) => boolean;
  /** The input, if it is a folder and not a glob; has no '/' at its end. */
  readonly whole?: string;
  /** Called for each result that is not read. */
  readonly onLeftOut: (folder: string) => void;
}

/** Traces of a job that has not finished writing its result, of one that has finished or may have, or of none. */
export type Traces = 'unfinished' | 'finished' | 'none';

interface Result {
  readonly folder: string;
  /** Undefined for an unfinished result. */
  readonly parts: readonly PartReport[] | undefined;
  /** The folders of its parts. */
  readonly folders: ReadonlySet<string>;
}

/**
 * @param files  the files of one input, by key
 * @throws UsageError for a named result that is not finished; InputChangedError for one that differs from its manifest
 */
export async function selectResults(
  files: ReadonlyMap<string, InputFile>,
  rules: ResultRules,
): Promise<Map<string, InputFile>> {
  const results = await resultsAmong(files, rules);
  await assertNotReplaced(results, rules);
  const selected = new Map(files);
  for (const { folder, parts } of results) {
    const named = namedFolders(folder, files, rules);
    if (named.length > 0 && (parts === undefined || !(await isFinished(folder, rules.store))))
      throw unfinished(folder);
    if (named.length === 0) rules.onLeftOut(folder);
    const kept = new Map(
      (parts ?? [])
        .map((part) => [keyIn(folder, part.name), part] as const)
        .filter(([key]) => named.some((one) => key.startsWith(keyIn(one, '')))),
    );
    for (const [key, file] of files) {
      if (!key.startsWith(keyIn(folder, ''))) continue;
      const part = kept.get(key);
      if (part === undefined) selected.delete(key);
      else if (part.bytes !== file.sizeBytes)
        throw changed(folder, `${part.name} has ${file.sizeBytes} bytes, but ${part.bytes} in the manifest`);
    }
    await assertAll(kept, folder, { selected, rules });
  }
  return selected;
}

/** The folders of a result that the input names: the result itself, or folders in it. */
function namedFolders(
  folder: string,
  files: ReadonlyMap<string, InputFile>,
  { isNamed }: ResultRules,
): string[] {
  if (isNamed(folder)) return [folder];
  const below = new Set<string>();
  for (const key of files.keys()) {
    if (!key.startsWith(keyIn(folder, ''))) continue;
    for (let at = folderOf(key); at.length > folder.length && !below.has(at); at = folderOf(at))
      below.add(at);
  }
  return [...below].filter((one) => isNamed(one));
}

/** Finds results from the top down, skipping those inside of others. */
async function resultsAmong(files: ReadonlyMap<string, InputFile>, rules: ResultRules): Promise<Result[]> {
  const folders = new Set<string>();
  for (const key of files.keys()) {
    const name = basename(key);
    if (name === MANIFEST_NAME || isPartName(name)) folders.add(folderOf(key));
  }
  const mayBeNested = new Set<string>();
  for (const key of files.keys()) if (isAttemptFileName(basename(key))) mayBeNested.add(folderOf(key));
  const looked = new Map<string, Promise<Result | undefined>>();
  const lookIn = (folder: string): Promise<Result | undefined> => {
    const result = looked.get(folder) ?? resultIn(folder, files, rules);
    looked.set(folder, result);
    return result;
  };
  const found = await mapBounded([...folders], LIMITS.barrierReadsMax, async (folder) => {
    const result =
      (await lookIn(folder)) ?? (mayBeNested.has(folder) ? await resultAbove(folder, lookIn) : undefined);
    return result === undefined || (await rules.isOwn(result.folder)) ? undefined : result;
  });
  const results: Result[] = [];
  const byDepth = [...new Set(found)]
    .filter((one) => one !== undefined)
    .sort((a, b) => a.folder.length - b.folder.length);
  for (const result of byDepth) {
    const isInside = results.some(({ folder }) => result.folder.startsWith(keyIn(folder, '')));
    if (!isInside) results.push(result);
  }
  return results;
}

/** Returns the result above the folder whose parts it holds. */
async function resultAbove(
  folder: string,
  lookIn: (folder: string) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  let at = folder;
  for (let depth = 0; depth < FOLDER_DEPTH_MAX && at !== '' && at !== '/'; depth++) {
    at = folderOf(at);
    let result: Result | undefined;
    try {
      result = await lookIn(at);
    } catch (error) {
      // The folders above what was named may be closed to this job; then no result of its own deployment is there.
      if (isMapReduceError(error)) return undefined;
      throw error;
    }
    if (result === undefined) continue;
    return result.parts === undefined || result.folders.has(folder) ? result : undefined;
  }
  return undefined;
}

/** How many folders above a part are searched for a manifest. */
const FOLDER_DEPTH_MAX = 8;

async function resultIn(
  folder: string,
  files: ReadonlyMap<string, InputFile>,
  { store, traces }: ResultRules,
): Promise<Result | undefined> {
  const key = keyIn(folder, MANIFEST_NAME);
  const manifest = files.get(key) ?? (await store.head(key));
  if (manifest !== undefined && manifest.sizeBytes <= LIMITS.manifestBytesMax) {
    const parts = await partsIn(manifest, store);
    if (parts !== undefined) {
      return { folder, parts, folders: new Set(parts.map(({ name }) => folderOf(keyIn(folder, name)))) };
    }
  }
  return (await traces(folder)) === 'unfinished'
    ? { folder, parts: undefined, folders: new Set() }
    : undefined;
}

/**
 * While a result is being replaced, there is a moment without the old and the new one, in which the folder looks as if
 * it had never held a result.
 *
 * @throws UsageError or InputChangedError if a named folder may have been listed at that moment
 */
async function assertNotReplaced(results: readonly Result[], rules: ResultRules): Promise<void> {
  const { whole, store, isOwn, traces } = rules;
  if (whole === undefined || results.some(({ folder }) => folder === whole) || (await isOwn(whole))) return;
  const found = await traces(whole);
  if (found === 'unfinished') throw unfinished(whole);
  if (found === 'none') return;
  // The result may have appeared after the folder was listed and its manifest was looked for.
  const manifest = await store.head(keyIn(whole, MANIFEST_NAME));
  if (manifest === undefined || manifest.sizeBytes > LIMITS.manifestBytesMax) return;
  if ((await partsIn(manifest, store)) !== undefined) {
    throw changed(whole, 'it was replaced while the input was listed');
  }
}

async function partsIn(
  { key, etag }: Pick<InputFile, 'key' | 'etag'>,
  store: ObjectStore,
): Promise<readonly PartReport[] | undefined> {
  const text = (await store.get(key, { ifMatch: etag })).toString();
  try {
    return parseManifest(text, key).parts;
  } catch (error) {
    // A manifest.json of another program is ordinary data.
    if (isMapReduceError(error, 'UsageError')) return undefined;
    throw error;
  }
}

async function isFinished(folder: string, store: ObjectStore): Promise<boolean> {
  return (await store.head(keyIn(folder, SUCCESS_NAME))) !== undefined;
}

function unfinished(folder: string): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `the input ${folder} is the result of a job that has not finished: it has no ${SUCCESS_NAME}. Wait for that job, or run it again`,
    { details: { file: folder } },
  );
}

/** Checks that all parts exist: those that the input selects must be listed, and of the others the first must exist. */
async function assertAll(
  kept: ReadonlyMap<string, PartReport>,
  folder: string,
  { selected, rules }: { selected: ReadonlyMap<string, InputFile>; rules: ResultRules },
): Promise<void> {
  const missing = [...kept.keys()].filter((key) => !selected.has(key));
  const wanted = missing.find((key) => rules.selects(key));
  const [other] = missing;
  const gone =
    wanted ?? (other !== undefined && (await rules.store.head(other)) === undefined ? other : undefined);
  if (gone !== undefined) throw changed(folder, `${basename(gone)} is in the manifest but does not exist`);
}

function folderOf(key: string): string {
  return key.includes('/') ? dirname(key) : '';
}

/** @param folder  without '/' at its end; empty for the root of a bucket */
export function keyIn(folder: string, name: string): string {
  return folder === '' ? name : folder === '/' ? `/${name}` : `${folder}/${name}`;
}

function changed(folder: string, what: string): MapReduceError {
  return new MapReduceError(
    'InputChangedError',
    `the input ${folder} is no longer the result that its job wrote: ${what}. Run that job again, or name the files to read one by one`,
    { details: { file: folder } },
  );
}

/** @throws InputNotFoundError if the input holds only results of earlier jobs */
export function assertSomethingLeft(
  pattern: string,
  { files, selected, leftOut }: { files: number; selected: number; leftOut: readonly string[] },
): void {
  if (files === 0 || selected > 0 || leftOut.length === 0) return;
  throw new MapReduceError(
    'InputNotFoundError',
    `the input '${pattern}' holds only results of earlier jobs (${leftOut[0]}${leftOut.length > 1 ? ` and ${leftOut.length - 1} more` : ''}). To read a result, name its own folder as input`,
    { details: { file: pattern } },
  );
}
