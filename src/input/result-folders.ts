/**
 * Results of earlier jobs among the input. A result is known by its manifest.json and its _SUCCESS, and read by its
 * parts only: the manifest, the report and whatever else lies in its folder is no data.
 *
 *     the folder was named (`out/`, `out/*`, `res*` + '/')    its parts, each as the manifest has it
 *     it came up below a folder that was named                nothing of it, and that is reported
 *
 * The second, because results are put beside data: they would be counted in silence, and again by every further run.
 */
import { dirname } from 'node:path/posix';
import { MANIFEST_NAME, SUCCESS_NAME } from '../commit/layout.ts';
import { parseManifest } from '../commit/manifest.ts';
import { isMapReduceError, MapReduceError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { mapBounded } from '../map-bounded.ts';
import type { PartReport } from '../report.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { InputFile } from '../task.ts';

export interface ResultRules {
  readonly store: ObjectStore;
  /** Whether the input names this folder, which has no '/' at its end, rather than one above it. */
  readonly isNamed: (folder: string) => boolean;
  /** Of the output of the very job: left to the caller. */
  readonly isOwn: (folder: string) => Promise<boolean>;
  /** Told of each result that is not read. */
  readonly onLeftOut: (folder: string) => void;
}

interface Result {
  readonly folder: string;
  readonly parts: readonly PartReport[];
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
  const selected = new Map(files);
  for (const { folder, parts } of results) {
    const below = folder === '' ? '' : `${folder}/`;
    const isNamed = rules.isNamed(folder);
    if (isNamed) await assertFinished(folder, rules.store);
    else rules.onLeftOut(folder);
    const kept = new Map(isNamed ? parts.map((part) => [`${below}${part.name}`, part]) : []);
    for (const [key, file] of files) {
      if (!key.startsWith(below)) continue;
      const part = kept.get(key);
      if (part === undefined) selected.delete(key);
      else if (part.bytes !== file.sizeBytes)
        throw changed(folder, `${part.name} has ${file.sizeBytes} bytes and its manifest says ${part.bytes}`);
    }
    // A glob may want only some of them; a folder stands for all.
    const missing = [...kept].find(([key]) => !selected.has(key));
    if (missing !== undefined) await assertThere(missing, folder, rules.store);
  }
  return selected;
}

/** From the top down, without those inside of others. */
async function resultsAmong(
  files: ReadonlyMap<string, InputFile>,
  { store, isOwn }: ResultRules,
): Promise<Result[]> {
  const manifests = [...files.values()].filter(
    ({ key, sizeBytes }) =>
      (key === MANIFEST_NAME || key.endsWith(`/${MANIFEST_NAME}`)) && sizeBytes <= LIMITS.manifestBytesMax,
  );
  const found = await mapBounded(manifests, LIMITS.barrierReadsMax, async (file) => {
    const folder = file.key === MANIFEST_NAME ? '' : dirname(file.key);
    const parts = await partsIn(file, store);
    return parts === undefined || (await isOwn(folder)) ? undefined : { folder, parts };
  });
  const results: Result[] = [];
  const byDepth = found.filter((one) => one !== undefined).sort((a, b) => a.folder.length - b.folder.length);
  for (const result of byDepth) {
    const isInside = results.some(({ folder }) => folder === '' || result.folder.startsWith(`${folder}/`));
    if (!isInside) results.push(result);
  }
  return results;
}

async function partsIn(
  { key, etag }: InputFile,
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

async function assertFinished(folder: string, store: ObjectStore): Promise<void> {
  if ((await store.head(folder === '' ? SUCCESS_NAME : `${folder}/${SUCCESS_NAME}`)) !== undefined) return;
  throw new MapReduceError(
    'UsageError',
    `the input ${folder} is the result of a job that has not finished: it has no ${SUCCESS_NAME}. Wait for the job, or run it again`,
    { details: { file: folder } },
  );
}

async function assertThere(
  [key, part]: readonly [string, PartReport],
  folder: string,
  store: ObjectStore,
): Promise<void> {
  if ((await store.head(key)) !== undefined) return;
  throw changed(folder, `${part.name}, which its manifest lists, is not there`);
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
