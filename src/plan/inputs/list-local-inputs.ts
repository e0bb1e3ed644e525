/**
 * Lists local inputs by name: files, folders with everything below them, and globs. Patterns keep the order given; the files
 * of one pattern are in ascending order of the bytes of their paths; a file named twice counts only once, where it came
 * first. So the same names give the same plan on every machine.
 */
import type { Stats } from 'node:fs';
import { access, constants, open, opendir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { sortUtf8 } from '../../base/utf8-order.ts';
import type { InputFile } from '../../read/input-file.ts';
import { inputFileOf } from '../../read/input-file.ts';
import { fileError } from '../../storage/file/file-errors.ts';
import { inputEtagOf, listFiles, notUtf8, REPLACEMENT } from '../../storage/file/file-listing.ts';
import type { ObjectInfo, ObjectStore } from '../../storage/object-store.ts';
import type { Glob } from './glob.ts';
import { assertNamed, folderOfPattern, isHidden, wildcardIndex } from './input-names.ts';
import { isBeingReplaced } from './replaced-results.ts';
import { assertSomethingLeft, selectResults } from './result-folders.ts';

/** Options of listLocalInputs(). */
export interface ListingOptions {
  /** The real path of the folder that the job writes to. The caller handles results there. */
  readonly ownOutput?: string;
  /** Called for each result of an earlier job that was found inside of a named folder and is not read (result-folders.ts). */
  readonly onLeftOut?: (folder: string) => void;
}

/**
 * @param store  a file store rooted at '/', whose keys are absolute paths
 * @param patterns  relative or absolute paths. A folder means the files below it, except names that start with '.' or '_';
 *   an empty folder means none. A glob selects files (glob.ts). A name that exists is used literally, even if it looks like
 *   a glob.
 * @throws InputNotFoundError for a path that does not exist or a glob without a match; UsageError for a file that cannot be
 *   read, is a pipe or device, or has a name that is not UTF-8
 */
export async function listLocalInputs(
  store: ObjectStore,
  patterns: readonly string[],
  options: ListingOptions = {},
): Promise<InputFile[]> {
  const files = new Map<string, InputFile>();
  for (const pattern of patterns) {
    const found = await filesOf(store, pattern, options);
    for (const key of sortUtf8([...found.keys()])) {
      if (!files.has(key)) files.set(key, found.get(key)!);
    }
  }
  return [...files.values()];
}

/** Files checked at the same time: enough to keep the runtime's thread pool busy. */
const FILES_AT_ONCE_MAX = 64;
/** How many names are compared to find one similar to a missing name. */
const NAMES_COMPARED_MAX = 10_000;

async function filesOf(
  store: ObjectStore,
  pattern: string,
  { ownOutput, onLeftOut = () => {} }: ListingOptions,
): Promise<Map<string, InputFile>> {
  assertNamed(pattern);
  const path = resolve(pattern);
  const stats = await statIfAny(path);
  if (stats !== undefined && !stats.isDirectory()) return new Map([await lookAt(store, path)]);
  if (stats === undefined && wildcardIndex(pattern) === -1) throw await notFound(pattern, path);
  const glob = stats === undefined ? await globOf(absolute(pattern)) : undefined;
  const files = new Map<string, InputFile>();
  const isWanted = (key: string) =>
    glob === undefined ? !isHidden(key.slice(withSlash(path).length)) : glob.matches(key);
  const folder = glob?.folder ?? withSlash(path);
  const listed = listFiles({
    path: folder,
    keyPrefix: folder,
    namePrefix: glob === undefined ? '' : glob.prefix.slice(folder.length),
    enters: (below) =>
      glob === undefined ? !isHidden(below.slice(folder.length)) : glob.mayMatchBelow(below),
    identify: inputEtagOf,
    isMissed: isWanted,
    onSpecial: (key, what) => {
      if (isWanted(key)) throw notAFile(key, what);
    },
  });
  await addFiles(listed, isWanted, files);
  if (glob !== undefined && files.size === 0) throw nothingMatches(pattern, glob.folder);
  const leftOut: string[] = [];
  const selected = await selectResults(files, {
    store,
    isNamed: (folder) => (glob === undefined ? folder === path : glob.namesFolder(folder)),
    isOwn: async (folder) => ownOutput !== undefined && (await realpath(folder)) === ownOutput,
    traces: async (folder) => ((await isBeingReplaced(folder)) ? 'unfinished' : 'finished'),
    selects: isWanted,
    ...(glob === undefined ? { whole: path } : {}),
    onLeftOut: (folder) => leftOut.push(folder),
  });
  assertSomethingLeft(pattern, { files: files.size, selected: selected.size, leftOut });
  for (const folder of leftOut) onLeftOut(folder);
  return selected;
}

/** Like resolve(), but leaves everything after the first wildcard unchanged: a backslash or '..' there belongs to the pattern. */
function absolute(pattern: string): string {
  const folder = folderOfPattern(pattern);
  return withSlash(resolve(folder)) + pattern.slice(folder.length);
}

async function addFiles(
  listed: AsyncIterable<ObjectInfo>,
  isWanted: (key: string) => boolean,
  files: Map<string, InputFile>,
): Promise<void> {
  let batch: InputFile[] = [];
  const flush = async () => {
    await Promise.all(batch.map(assertReadable));
    for (const file of batch) files.set(file.key, file);
    batch = [];
  };
  for await (const info of listed) {
    if (!isWanted(info.key)) continue;
    batch.push(inputFileOf(info));
    if (batch.length === FILES_AT_ONCE_MAX) await flush();
  }
  await flush();
}

async function lookAt(store: ObjectStore, path: string): Promise<[string, InputFile]> {
  const info = await store.head(path);
  if (info === undefined) throw await notFound(path, path);
  const file = inputFileOf(info);
  await assertReadable(file);
  return [path, file];
}

/** Loads the matcher only for a pattern: a small job that names its files would wait for it. */
async function globOf(pattern: string): Promise<Glob> {
  const { compileGlob } = await import('./glob.ts');
  return compileGlob(pattern);
}

/** Without this error the file would be silently ignored. */
function notAFile(path: string, what: string): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `the input contains ${path}, which is ${what} and cannot be read. Remove it, or select the other files with a glob`,
    { details: { file: path } },
  );
}

function nothingMatches(pattern: string, folder: string): MapReduceError {
  return new MapReduceError(
    'InputNotFoundError',
    `no file in ${folder} matches '${pattern}'. '*' matches within a folder, '**' across folders. Names that start with '.' or '_' match only if the pattern writes that character`,
    { details: { file: pattern } },
  );
}

async function notFound(pattern: string, path: string): Promise<MapReduceError> {
  let missing = path;
  let folder = dirname(path);
  for (; folder !== dirname(folder) && !(await isFolder(folder)); folder = dirname(folder)) missing = folder;
  const names = await namesIn(folder);
  // The name is listed but cannot be opened: its bytes are not UTF-8, and the command line has lost them.
  if (missing.includes(REPLACEMENT) && names.includes(basename(missing))) return notUtf8(missing);
  const usable = names.filter((name) => !name.includes(REPLACEMENT));
  const nearest = nearestName(basename(missing), usable);
  const where = missing === path ? '' : `, since there is no '${basename(missing)}' in ${folder}`;
  const named = /^\w+=(.+)/.exec(pattern)?.[1];
  const hint =
    nearest !== undefined
      ? `Did you mean '${resolve(folder, nearest)}'?`
      : named === undefined
        ? 'Check the path.'
        : `If '${named}' is the path, remove the name: only jobs with several inputs take names.`;
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
    return false; // A folder that cannot be reached counts as absent: this only affects the message.
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) {
      if (names.push(name) === NAMES_COMPARED_MAX) break;
    }
  } catch {
    return []; // The message then has no hint.
  }
  return names;
}

async function statIfAny(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    // A glob may be longer than any name can be.
    if (code === 'ENAMETOOLONG' && wildcardIndex(path) !== -1) return undefined;
    throw fileError(error, { action: 'read the input', path, key: path });
  }
}

/** Checks permissions while planning, rather than failing hours into the job. */
async function assertReadable({ key: path, sizeBytes }: InputFile): Promise<void> {
  try {
    await access(path, constants.R_OK);
    if (sizeBytes === 0) await assertEmpty(path);
  } catch (error) {
    throw fileError(error, { action: 'read the input', path, key: path });
  }
}

/** Refuses files with a size of 0 that are not empty, as in /proc: their contents would be silently ignored. */
async function assertEmpty(path: string): Promise<void> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const { bytesRead } = await file.read(Buffer.alloc(1), 0, 1, 0).catch((error: unknown) => {
    // Such a file may have no data yet.
    if (errnoOf(error) === 'EAGAIN') return { bytesRead: 1 };
    throw error;
  });
  // A file that was written to just now has a size.
  if (bytesRead === 0 || (await file.stat()).size > 0) return;
  throw new MapReduceError(
    'UsageError',
    `the input ${path} reports a size of 0 but is not empty, like files in /proc, so it cannot be cut into splits. Copy its contents to a regular file, for example with cat, and use that as input`,
    { details: { file: path } },
  );
}

function withSlash(folder: string): string {
  return folder.endsWith('/') ? folder : `${folder}/`;
}
