/**
 * Results of earlier jobs among the input. A result is known by its manifest.json and its _SUCCESS, and read by its
 * parts only: the manifest, the report and whatever else lies in its folder is no data.
 *
 *     the folder was named (`out/`, `out/*`, `res*` + '/')    its parts, each as the manifest has it
 *     it came up below a folder that was named                nothing of it, and that is reported
 *
 * The second, because results are put beside data: they would be counted in silence, and again by every further run.
 *
 * The manifest is looked for wherever a file has the name of a part, whether or not the input selects the manifest too.
 * Where there is none, the parts may be those of a job that has not finished, or that is just being replaced.
 */
import { basename, dirname } from 'node:path/posix';
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import type { InputFile } from '../../read/input-file.ts';
import { parseManifest } from '../../report/manifest.ts';
import type { PartReport } from '../../report/report.ts';
import { isPartName, MANIFEST_NAME, SUCCESS_NAME } from '../../report/result-names.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

export interface ResultRules {
  readonly store: ObjectStore;
  /** Whether the input names this folder, which has no '/' at its end, rather than one above it. */
  readonly isNamed: (folder: string) => boolean;
  /** Of the output of the very job: left to the caller. */
  readonly isOwn: (folder: string) => Promise<boolean>;
  /** What traces of a job there are in the folder, beside results. */
  readonly traces: (folder: string) => Promise<Traces>;
  /** Whether the input would select this file, if it were there. */
  readonly selects: (key: string) => boolean;
  /** The folder that the input is, where it is one and no glob; has no '/' at its end. */
  readonly whole?: string;
  /** Told of each result that is not read. */
  readonly onLeftOut: (folder: string) => void;
}

/** Of a job that writes its result there and has not finished; of one that has, or may have; or of none. */
export type Traces = 'unfinished' | 'finished' | 'none';

interface Result {
  readonly folder: string;
  /** Undefined for one that is not finished. */
  readonly parts: readonly PartReport[] | undefined;
}

/**
 * @param files  what one input stands for, by key
 * @throws UsageError for a result that is named and not finished; InputChangedError for one that is not what its job wrote
 */
export async function selectResults(
  files: ReadonlyMap<string, InputFile>,
  rules: ResultRules,
): Promise<Map<string, InputFile>> {
  const results = await resultsAmong(files, rules);
  await assertNotReplaced(results, rules);
  const selected = new Map(files);
  for (const { folder, parts } of results) {
    const isNamed = rules.isNamed(folder);
    if (isNamed && (parts === undefined || !(await isFinished(folder, rules.store))))
      throw unfinished(folder);
    if (!isNamed) rules.onLeftOut(folder);
    const kept = new Map(isNamed ? parts!.map((part) => [keyIn(folder, part.name), part]) : []);
    for (const [key, file] of files) {
      if (!key.startsWith(keyIn(folder, ''))) continue;
      const part = kept.get(key);
      if (part === undefined) selected.delete(key);
      else if (part.bytes !== file.sizeBytes)
        throw changed(folder, `${part.name} has ${file.sizeBytes} bytes and its manifest says ${part.bytes}`);
    }
    await assertAll(kept, folder, { selected, rules });
  }
  return selected;
}

/** From the top down, without those inside of others. */
async function resultsAmong(files: ReadonlyMap<string, InputFile>, rules: ResultRules): Promise<Result[]> {
  const folders = new Set<string>();
  for (const key of files.keys()) {
    const name = basename(key);
    if (name === MANIFEST_NAME || isPartName(name)) folders.add(folderOf(key));
  }
  const found = await mapBounded([...folders], LIMITS.barrierReadsMax, async (folder) => {
    const result = await resultIn(folder, files, rules);
    return result === undefined || (await rules.isOwn(folder)) ? undefined : result;
  });
  const results: Result[] = [];
  const byDepth = found.filter((one) => one !== undefined).sort((a, b) => a.folder.length - b.folder.length);
  for (const result of byDepth) {
    const isInside = results.some(({ folder }) => result.folder.startsWith(keyIn(folder, '')));
    if (!isInside) results.push(result);
  }
  return results;
}

async function resultIn(
  folder: string,
  files: ReadonlyMap<string, InputFile>,
  { store, traces }: ResultRules,
): Promise<Result | undefined> {
  const key = keyIn(folder, MANIFEST_NAME);
  const manifest = files.get(key) ?? (await store.head(key));
  if (manifest !== undefined && manifest.sizeBytes <= LIMITS.manifestBytesMax) {
    const parts = await partsIn(manifest, store);
    if (parts !== undefined) return { folder, parts };
  }
  return (await traces(folder)) === 'unfinished' ? { folder, parts: undefined } : undefined;
}

/**
 * While a result is replaced there is a moment in which neither the old nor the new one is there, and the folder looks
 * as if there had never been one.
 *
 * @throws UsageError or InputChangedError where a folder that was named may have been listed at that moment
 */
async function assertNotReplaced(results: readonly Result[], rules: ResultRules): Promise<void> {
  const { whole, store, isOwn, traces } = rules;
  if (whole === undefined || results.some(({ folder }) => folder === whole) || (await isOwn(whole))) return;
  const found = await traces(whole);
  if (found === 'unfinished') throw unfinished(whole);
  if (found === 'none') return;
  // Of a result that was not there when the folder was listed, and not yet when this folder's manifest was looked for.
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
    // Somebody else's manifest.json is data like any other.
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
    `the input ${folder} is the result of a job that has not finished: it has no ${SUCCESS_NAME}. Wait for the job, or run it again`,
    { details: { file: folder } },
  );
}

/** A glob may want only some of the parts; those that it wants have been listed, and the first of the others is there. */
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
  if (gone !== undefined) throw changed(folder, `${basename(gone)}, which its manifest lists, is not there`);
}

function folderOf(key: string): string {
  return key.includes('/') ? dirname(key) : '';
}

/** @param folder  without '/' at its end; empty for the top of a bucket */
export function keyIn(folder: string, name: string): string {
  return folder === '' ? name : folder === '/' ? `/${name}` : `${folder}/${name}`;
}

function changed(folder: string, what: string): MapReduceError {
  return new MapReduceError(
    'InputChangedError',
    `the input ${folder} is not the result that its job wrote: ${what}. Run that job again, or name the files to read one by one`,
    { details: { file: folder } },
  );
}

/** @throws InputNotFoundError where results of earlier jobs were all that there was */
export function assertSomethingLeft(
  pattern: string,
  { files, selected, leftOut }: { files: number; selected: number; leftOut: readonly string[] },
): void {
  if (files === 0 || selected > 0 || leftOut.length === 0) return;
  throw new MapReduceError(
    'InputNotFoundError',
    `the input '${pattern}' holds nothing but results of earlier jobs (${leftOut[0]}${leftOut.length > 1 ? ` and ${leftOut.length - 1} more` : ''}). To read one, name its folder itself`,
    { details: { file: pattern } },
  );
}
