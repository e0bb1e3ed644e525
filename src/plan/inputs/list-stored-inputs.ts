/**
 * Inputs in an object store by name: keys, prefixes that end in '/', and globs. The objects of one pattern come in ascending
 * order of their keys' bytes, patterns in the order given, and an object named twice counts where it came first.
 *
 * Listings stream: what is kept is what matches. A glob lists from its longest literal prefix on, since every 1,000
 * keys listed are a request: 'logs/2024-*' + '/x.gz' costs the keys below 'logs/2024-', not those of the bucket.
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
 * @param patterns  'logs/a.txt' is one object; 'logs/' all below it, without names that start with '.' or '_' and
 *   without the empty objects whose keys end in '/' that stand for folders; 'logs/*.txt' a glob, in which '*' stays
 *   within a folder and '**' does not, and 'logs/2024-*' + '/' all below the matches. A key that exists is taken as it is, even if it looks like a glob.
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
 * Looks for the first object of a name, for a caller that does not read it.
 *
 * @throws as listStoredInputs() where it finds none
 */
export async function assertStoredInput(store: ObjectStore, pattern: string): Promise<void> {
  for await (const _ of inputsOf(store, pattern)) return;
  await listStoredInputs(store, [pattern]);
}

/** Who is told of what is left out, and what the job's own output is. */
export interface StoredListingOptions {
  /** The prefix that the job writes to. */
  readonly ownOutput?: string;
  /** Called for each result of an earlier job that came up below a prefix that was named (result-folders.ts). */
  readonly onLeftOut?: (folder: string) => void;
}

async function filesOf(
  store: ObjectStore,
  pattern: string,
  { ownOutput, onLeftOut = () => {} }: StoredListingOptions,
): Promise<Map<string, InputFile>> {
  const files = new Map<string, InputFile>();
  for await (const file of inputsOf(store, pattern)) {
    // One more than a job may have tells that there are too many.
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

/** By the claim that its job leaves there before it writes, and the last object of all. */
async function tracesOn(store: ObjectStore, folder: string): Promise<Traces> {
  if ((await store.head(keyIn(folder, OUTPUT_CLAIM_NAME))) === undefined) return 'none';
  return (await store.head(keyIn(folder, SUCCESS_NAME))) === undefined ? 'unfinished' : 'finished';
}

function ownResult(pattern: string, output: string): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `the input '${pattern}' is the result that this job would replace, in its own output ${output}. Choose another output`,
    { details: { file: pattern } },
  );
}

function tooManyFiles(pattern: string): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `the inputs are more than ${LIMITS.inputFilesMax} input files, which is the most of one job (reached in '${pattern}'). Run several jobs, each over a part of them, or concatenate small files first`,
    { details: { file: pattern } },
  );
}

/** Keys looked through for one that resembles a missing one: one page of a listing. */
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
  // A "folder" made by a console is an object of that very key: then it exists and is empty.
  if (keys === 0) throw notFound(store, prefix, 'no object has that prefix. Check its spelling and case.');
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
      `no key matches it (listed the keys that start with '${glob.prefix}'). '*' stays within a folder, '**' does not. Names that start with '.' or '_' count only where the pattern spells that out.`,
    );
  }
}

async function keyNotFound(store: ObjectStore, key: string): Promise<MapReduceError> {
  for await (const _ of store.list(`${key}/`)) {
    return notFound(store, key, `there are objects below it, though. To read those, write '${key}/'.`);
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
