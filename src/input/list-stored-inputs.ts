/**
 * Inputs in an object store by name: keys, prefixes that end in '/', and globs. The objects of one pattern come in ascending
 * order of their keys' bytes, patterns in the order given, and an object named twice counts where it came first.
 *
 * Listings stream: what is kept is what matches. A glob lists from its longest literal prefix on, since every 1,000
 * keys listed are a request: 'logs/2024-*' + '/x.gz' costs the keys below 'logs/2024-', not those of the bucket.
 */
import picomatch from 'picomatch';
import { MapReduceError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { nearestName } from '../nearest-name.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { InputFile } from '../task.ts';
import { assertNamed, folderOfPattern, inputFileOf, isHidden, wildcardIndex } from './input-names.ts';

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
): Promise<InputFile[]> {
  const files = new Map<string, InputFile>();
  for (const pattern of new Set(patterns)) {
    for await (const file of inputsOf(store, pattern)) {
      if (files.has(file.key)) continue;
      if (files.size === LIMITS.inputFilesMax) throw tooManyFiles(pattern);
      files.set(file.key, file);
    }
  }
  return [...files.values()];
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
    yield* hasWildcards ? inputsMatching(store, `${pattern}**`) : inputsBelow(store, pattern);
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
  const folder = folderOfPattern(pattern);
  const wildcards = pattern.slice(folder.length);
  const prefix = pattern.slice(0, wildcardIndex(pattern));
  // Matched below the folder, so that nothing in the folder's own name can be taken for a wildcard.
  const matches = picomatch(wildcards, { dot: true, nonegate: true, windows: false, strictSlashes: true });
  let found = 0;
  for await (const info of store.list(prefix)) {
    const name = info.key.slice(folder.length);
    if (info.key.endsWith('/') || !matches(name) || isHidden(name, wildcards)) continue;
    found += 1;
    yield inputFileOf(info);
  }
  if (found === 0) {
    throw notFound(
      store,
      pattern,
      `no key matches it (listed the keys that start with '${prefix}'). '*' stays within a folder, '**' does not.`,
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
