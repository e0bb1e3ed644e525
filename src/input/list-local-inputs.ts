/**
 * Local inputs by name: files, folders with all that is below them, and globs. The files of one pattern come in
 * ascending order of their paths' bytes, patterns in the order given, and a file named twice counts where it came first:
 * the same names give the same plan on every machine.
 */
import type { Stats } from 'node:fs';
import { access, constants, glob, opendir, stat } from 'node:fs/promises';
import { basename, dirname, relative, resolve } from 'node:path';
import { MapReduceError } from '../errors.ts';
import { nearestName } from '../nearest-name.ts';
import { errnoOf, fileError } from '../storage/file-errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { InputFile } from '../task.ts';
import { sortUtf8 } from '../utf8-order.ts';
import { assertNamed, folderOfPattern, inputFileOf, isHidden, wildcardIndex } from './input-names.ts';

/**
 * @param store  a file store rooted at '/', whose keys are absolute paths
 * @param patterns  paths relative to the current folder or absolute. A folder stands for the files below it, without
 *   names that start with '.' or '_'; an empty one for none. A glob may match folders too. A name that exists is
 *   taken as it is, even if it looks like a glob.
 * @throws InputNotFoundError for a path that does not exist or a glob without a match;
 *   UsageError for what may not be read, or is a pipe or device
 */
export async function listLocalInputs(store: ObjectStore, patterns: readonly string[]): Promise<InputFile[]> {
  const files = new Map<string, InputFile>();
  for (const pattern of patterns) {
    const found = await filesAt(store, await pathsOf(pattern));
    for (const key of sortUtf8([...found.keys()])) {
      if (!files.has(key)) files.set(key, found.get(key)!);
    }
  }
  return [...files.values()];
}

/** Files looked at together: enough to keep the runtime's thread pool busy. */
const FILES_AT_ONCE_MAX = 64;
/** Names looked through for one that resembles a missing one. */
const NAMES_COMPARED_MAX = 10_000;

async function pathsOf(pattern: string): Promise<string[]> {
  assertNamed(pattern);
  const path = resolve(pattern);
  if ((await statIfAny(path)) !== undefined) return [path];
  if (wildcardIndex(pattern) === -1) throw await notFound(pattern, path);
  return matchesOf(pattern);
}

/** The files among the paths and below the folders among them. `paths` are sorted: a folder comes before what is in it. */
async function filesAt(store: ObjectStore, paths: readonly string[]): Promise<Map<string, InputFile>> {
  const files = new Map<string, InputFile>();
  let folder: string | undefined;
  const isListed = (path: string) =>
    folder !== undefined && path.startsWith(folder) && !isHidden(path.slice(folder.length));
  for (let from = 0; from < paths.length; from += FILES_AT_ONCE_MAX) {
    // '**' matches a folder and all that is in it: that would list a deep tree over and over.
    const batch = paths.slice(from, from + FILES_AT_ONCE_MAX).filter((path) => !isListed(path));
    const looked = await Promise.all(batch.map((path) => lookAt(store, path)));
    for (const [index, file] of looked.entries()) {
      if (file !== 'folder') files.set(file.key, file);
      else if (!isListed(batch[index])) {
        folder = withSlash(batch[index]);
        await addFolder(store, folder, files);
      }
    }
  }
  return files;
}

async function addFolder(store: ObjectStore, folder: string, files: Map<string, InputFile>): Promise<void> {
  let batch: InputFile[] = [];
  const flush = async () => {
    await Promise.all(batch.map((file) => assertReadable(file.key)));
    for (const file of batch) files.set(file.key, file);
    batch = [];
  };
  for await (const info of store.list(folder)) {
    if (isHidden(info.key.slice(folder.length))) continue;
    batch.push(inputFileOf(info));
    if (batch.length === FILES_AT_ONCE_MAX) await flush();
  }
  await flush();
}

async function lookAt(store: ObjectStore, path: string): Promise<InputFile | 'folder'> {
  const stats = await statIfAny(path);
  if (stats?.isDirectory()) return 'folder';
  const info = stats === undefined ? undefined : await store.head(path);
  // A match of a glob that is gone by now, or a symbolic link that leads nowhere.
  if (info === undefined) throw await notFound(path, path);
  await assertReadable(path);
  return inputFileOf(info);
}

async function matchesOf(pattern: string): Promise<string[]> {
  const folder = folderOfPattern(pattern);
  const wildcards = pattern.slice(folder.length);
  const matches = new Set<string>();
  for await (const match of glob(pattern)) {
    const path = resolve(match);
    if (!isHidden(relative(resolve(folder), path), wildcards)) matches.add(path);
  }
  if (matches.size === 0) {
    throw new MapReduceError(
      'InputNotFoundError',
      `no file or folder matches '${pattern}' (looked in ${resolve(folder)}; names that start with '.' or '_' count only where the pattern spells that out). Check the pattern with 'ls'.`,
      { details: { file: pattern } },
    );
  }
  return sortUtf8([...matches]);
}

async function notFound(pattern: string, path: string): Promise<MapReduceError> {
  let missing = path;
  let folder = dirname(path);
  for (; folder !== dirname(folder) && !(await isFolder(folder)); folder = dirname(folder)) missing = folder;
  const nearest = nearestName(basename(missing), await namesIn(folder));
  const where = missing === path ? '' : `: there is no '${basename(missing)}' in ${folder}`;
  const hint = nearest === undefined ? 'Check the path.' : `Did you mean '${resolve(folder, nearest)}'?`;
  return new MapReduceError(
    'InputNotFoundError',
    `the input '${pattern}' does not exist${where} (looked for ${path}). ${hint}`,
    { details: { file: path } },
  );
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false; // Out of reach is as good as absent: this only words a message.
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) {
      if (names.push(name) === NAMES_COMPARED_MAX) break;
    }
  } catch {
    return []; // The message does without a hint.
  }
  return names;
}

async function statIfAny(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw fileError(error, { action: 'read the input', path, key: path });
  }
}

/** Better now than hours into the job. */
async function assertReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (error) {
    throw fileError(error, { action: 'read the input', path, key: path });
  }
}

function withSlash(folder: string): string {
  return folder.endsWith('/') ? folder : `${folder}/`;
}
