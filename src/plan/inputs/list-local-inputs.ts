/**
 * Local inputs by name: files, folders with all that is below them, and globs. The files of one pattern come in
 * ascending order of their paths' bytes, patterns in the order given, and a file named twice counts where it came first:
 * the same names give the same plan on every machine.
 */
import type { Stats } from 'node:fs';
import { access, constants, open, opendir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { MapReduceError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { sortUtf8 } from '../../base/utf8-order.ts';
import type { InputFile } from '../../read/input-file.ts';
import { inputFileOf } from '../../read/input-file.ts';
import { errnoOf, fileError } from '../../storage/file/file-errors.ts';
import { inputEtagOf, listFiles, notUtf8, REPLACEMENT } from '../../storage/file/file-listing.ts';
import type { ObjectInfo, ObjectStore } from '../../storage/object-store.ts';
import { compileGlob } from './glob.ts';
import { assertNamed, folderOfPattern, isHidden, wildcardIndex } from './input-names.ts';
import { isBeingReplaced } from './replaced-results.ts';
import { assertSomethingLeft, selectResults } from './result-folders.ts';

/** What a job's own output is, and who is told of what is left out. */
export interface ListingOptions {
  /** The folder that the job writes to; its real path. Results there are the caller's to leave out. */
  readonly ownOutput?: string;
  /** Called for each result of an earlier job that came up below a named folder (result-folders.ts). */
  readonly onLeftOut?: (folder: string) => void;
}

/**
 * @param store  a file store rooted at '/', whose keys are absolute paths
 * @param patterns  paths relative to the current folder or absolute. A folder stands for the files below it, without
 *   names that start with '.' or '_'; an empty one for none. A glob selects files (glob.ts). A name that exists is
 *   taken as it is, even if it looks like a glob.
 * @throws InputNotFoundError for a path that does not exist or a glob without a match;
 *   UsageError for what may not be read, is a pipe or device, or has a name that is not UTF-8
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

/** Files looked at together: enough to keep the runtime's thread pool busy. */
const FILES_AT_ONCE_MAX = 64;
/** Names looked through for one that resembles a missing one. */
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
  const glob = stats === undefined ? compileGlob(absolute(pattern)) : undefined;
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

/** As resolve() does, but for the wildcards: a backslash or '..' behind one is the pattern's. */
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

/** Left out in silence it would be missed by nobody. */
function notAFile(path: string, what: string): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `the input holds ${path}, which is ${what} and cannot be read. Remove it, or name the files to read by a glob that leaves it out`,
    { details: { file: path } },
  );
}

function nothingMatches(pattern: string, folder: string): MapReduceError {
  return new MapReduceError(
    'InputNotFoundError',
    `no file matches '${pattern}' (looked in ${folder}; '*' stays within a folder and '**' does not; names that start with '.' or '_' count only where the pattern spells that out)`,
    { details: { file: pattern } },
  );
}

async function notFound(pattern: string, path: string): Promise<MapReduceError> {
  let missing = path;
  let folder = dirname(path);
  for (; folder !== dirname(folder) && !(await isFolder(folder)); folder = dirname(folder)) missing = folder;
  const names = await namesIn(folder);
  // What is there and still cannot be found: the command line has lost the bytes of its name.
  if (missing.includes(REPLACEMENT) && names.includes(basename(missing))) return notUtf8(missing);
  const usable = names.filter((name) => !name.includes(REPLACEMENT));
  const nearest = nearestName(basename(missing), usable);
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
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    // A glob may be longer than any name.
    if (code === 'ENAMETOOLONG' && wildcardIndex(path) !== -1) return undefined;
    throw fileError(error, { action: 'read the input', path, key: path });
  }
}

/** Better now than hours into the job. */
async function assertReadable({ key: path, sizeBytes }: InputFile): Promise<void> {
  try {
    await access(path, constants.R_OK);
    if (sizeBytes === 0) await assertEmpty(path);
  } catch (error) {
    throw fileError(error, { action: 'read the input', path, key: path });
  }
}

/** Files of /proc have no size and hold something all the same: it would be left out without a word. */
async function assertEmpty(path: string): Promise<void> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const { bytesRead } = await file.read(Buffer.alloc(1), 0, 1, 0).catch((error: unknown) => {
    // Such files may have nothing to say yet.
    if (errnoOf(error) === 'EAGAIN') return { bytesRead: 1 };
    throw error;
  });
  // One that was written to just now has a size.
  if (bytesRead === 0 || (await file.stat()).size > 0) return;
  throw new MapReduceError(
    'UsageError',
    `the input ${path} has a size of 0 but is not empty, as files of /proc are; what has no size cannot be cut into splits. Copy what it holds to a file, for example with cat, and name that`,
    { details: { file: path } },
  );
}

function withSlash(folder: string): string {
  return folder.endsWith('/') ? folder : `${folder}/`;
}
