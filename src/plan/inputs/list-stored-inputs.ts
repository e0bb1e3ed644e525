/**
 * Lists inputs in an object store by name: keys, prefixes that end in '/', and globs. Patterns keep the order given; the
 * objects of one pattern are in ascending order of the bytes of their keys; an object named twice counts only once, where
 * it came first.
 *
 * Listings are streamed, and only matches are kept. A glob lists only its longest literal prefix, since every 1,000 keys
 * cost a request: 'logs/2024-*' + '/x.gz' lists the keys that start with 'logs/2024-', not the whole bucket.
 */
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { nearestName } from '../../base/nearest-name.ts';
import type { InputFile } from '../../read/input-file.ts';
import { inputFileOf } from '../../read/input-file.ts';
import { OUTPUT_CLAIM_NAME, SUCCESS_NAME } from '../../report/result-names.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { compileGlob } from './glob.ts';
import { assertNamed, isHidden, wildcardIndex } from './input-names.ts';
import { assertSomethingLeft, keyIn, selectResults, type Traces } from './result-folders.ts';

/**
 * @param patterns  'logs/a.txt' is one object. 'logs/' means everything below it, except names that start with '.' or '_'
 *   and the empty objects that represent folders, whose keys end in '/'. 'logs/*.txt' is a glob, and 'logs/2024-*' + '/'
 *   means everything below its matches. A key that exists is used literally, even if it looks like a glob.
 * @throws InputNotFoundError for a key that does not exist, or a prefix or glob without a match; UsageError for too
 *   many objects
 */
export async function listStoredInputs(
  store: ObjectStore,
  patterns: readonly string[],
  options: StoredListingOptions = {},
): Promise<InputFile[]> {
  const files = new Map<string, InputFile>();
  for (const pattern of new Set(patterns)) {
    for (const [key, file] of await filesOf(store, pattern, options)) {
      if (files.has(key)) continue;
      if (files.size === LIMITS.inputFilesMax) throw tooManyFiles(pattern);
      files.set(key, file);
    }
  }
  return [...files.values()];
}

/**
 * Checks that a name matches at least one object, without listing them all.
 *
 * @throws the errors of listStoredInputs() if it finds none
 */
export async function assertStoredInput(store: ObjectStore, pattern: string): Promise<void> {
  for await (const _ of inputsOf(store, pattern)) return;
  await listStoredInputs(store, [pattern]);
}

/** Options of listStoredInputs(). */
export interface StoredListingOptions {
  /** The prefix that the job writes to. */
  readonly ownOutput?: string;
  /** Called for each result of an earlier job that was found inside of a named prefix and is not read (result-folders.ts). */
  readonly onLeftOut?: (folder: string) => void;
}

async function filesOf(
  store: ObjectStore,
  pattern: string,
  { ownOutput, onLeftOut = () => {} }: StoredListingOptions,
): Promise<Map<string, InputFile>> {
  const files = new Map<string, InputFile>();
  for await (const file of inputsOf(store, pattern)) {
    // One file more than the maximum is enough to know that there are too many.
    if (files.size > LIMITS.inputFilesMax) throw tooManyFiles(pattern);
    files.set(file.key, file);
  }
  const isOne = files.size === 1 && files.has(pattern);
  if (isOne) return files;
  const glob = wildcardIndex(pattern) === -1 ? undefined : compileGlob(pattern);
  const leftOut: string[] = [];
  const selected = await selectResults(files, {
    store,
    isNamed: (folder) => {
      const isNamed = glob === undefined ? `${folder}/` === pattern : glob.namesFolder(folder);
      if (isNamed && `${folder}/` === ownOutput) throw ownResult(pattern, ownOutput);
      return isNamed;
    },
    isOwn: async () => false,
    traces: (folder) => tracesOn(store, folder),
    selects: (key) => glob === undefined || glob.matches(key),
    ...(glob === undefined && pattern !== ownOutput ? { whole: pattern.slice(0, -1) } : {}),
    onLeftOut: (folder) => leftOut.push(folder),
  });
  assertSomethingLeft(pattern, { files: files.size, selected: selected.size, leftOut });
  for (const folder of leftOut) onLeftOut(folder);
  return selected;
}

/** Judges by the claim that a job writes first, and by _SUCCESS, which it writes last. */
async function tracesOn(store: ObjectStore, folder: string): Promise<Traces> {
  if ((await store.head(keyIn(folder, OUTPUT_CLAIM_NAME))) === undefined) return 'none';
  return (await store.head(keyIn(folder, SUCCESS_NAME))) === undefined ? 'unfinished' : 'finished';
}

function ownResult(pattern: string, output: string): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `the input '${pattern}' is in the job's own output ${output}, which the job would replace. Choose another output`,
    { details: { file: pattern } },
  );
}

function tooManyFiles(pattern: string): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `there are more than ${LIMITS.inputFilesMax} input files, the maximum for one job (exceeded by '${pattern}'). Run several jobs, each on a part of the files, or concatenate small files first`,
    { details: { file: pattern } },
  );
}

/** How many keys are compared to find one similar to a missing key: one page of a listing. */
const KEYS_COMPARED_MAX = 1_000;

async function* inputsOf(store: ObjectStore, pattern: string): AsyncGenerator<InputFile> {
  assertNamed(pattern);
  const hasWildcards = wildcardIndex(pattern) !== -1;
  if (pattern.endsWith('/')) {
    yield* hasWildcards ? inputsMatching(store, pattern) : inputsBelow(store, pattern);
    return;
  }
  const info = await store.head(pattern);
  if (info !== undefined) yield inputFileOf(info);
  else if (hasWildcards) yield* inputsMatching(store, pattern);
  else throw await keyNotFound(store, pattern);
}

async function* inputsBelow(store: ObjectStore, prefix: string): AsyncGenerator<InputFile> {
  let keys = 0;
  for await (const info of store.list(prefix)) {
    keys += 1;
    if (!info.key.endsWith('/') && !isHidden(info.key.slice(prefix.length))) yield inputFileOf(info);
  }
  // A "folder" created in the AWS console is an object with exactly this key: then the folder exists and is empty.
  if (keys === 0) throw notFound(store, prefix, 'no key starts with it. Check its spelling and case.');
}

async function* inputsMatching(store: ObjectStore, pattern: string): AsyncGenerator<InputFile> {
  const glob = compileGlob(pattern);
  let found = 0;
  for await (const info of store.list(glob.prefix)) {
    if (info.key.endsWith('/') || !glob.matches(info.key)) continue;
    found += 1;
    yield inputFileOf(info);
  }
  if (found === 0) {
    throw notFound(
      store,
      pattern,
      `no key that starts with '${glob.prefix}' matches. '*' matches within a folder, '**' across folders. Names that start with '.' or '_' match only if the pattern writes that character.`,
    );
  }
}

async function keyNotFound(store: ObjectStore, key: string): Promise<MapReduceError> {
  for await (const _ of store.list(`${key}/`)) {
    return notFound(store, key, `it is a folder. To read the objects in it, write '${key}/'.`);
  }
  const folder = key.slice(0, key.lastIndexOf('/') + 1);
  const keys: string[] = [];
  for await (const info of store.list(folder)) {
    if (keys.push(info.key) === KEYS_COMPARED_MAX) break;
  }
  const nearest = nearestName(key, keys);
  return notFound(store, key, nearest === undefined ? 'Check the key.' : `Did you mean '${nearest}'?`);
}

function notFound(store: ObjectStore, pattern: string, reason: string): MapReduceError {
  return new MapReduceError(
    'InputNotFoundError',
    `the input '${pattern}' does not exist in ${store.location}: ${reason}`,
    { details: { file: pattern } },
  );
}
