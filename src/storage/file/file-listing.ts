/**
 * Lists the files below a folder as objects, in S3's order: ascending bytes of the whole key.
 *
 * Within a folder, names are sorted with '/' appended to those of folders, since that is how their keys continue:
 *
 *     a-b     '-' is 0x2d         as plain names the folder `a` would come first,
 *     a/x     '/' is 0x2f         but its keys start with `a/`
 *     a0      '0' is 0x30
 *
 * Memory: the names in the folders from the root down to the current one, never the whole tree. The size and ETag of a
 * bounded number of files are read at a time.
 *
 * Symbolic links are followed. A link back to a folder above it is an error, since its files would be listed again and
 * again. Dangling links, pipes, sockets and devices are not objects; listings of inputs refuse them.
 *
 * A name that is not UTF-8 cannot be shown or opened, and is an error. Node returns it with U+FFFD in it, which a valid
 * name may also contain: only the bytes of the name show the difference.
 */
import { isUtf8 } from 'node:buffer';
import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, opendir, readdir, stat } from 'node:fs/promises';
import { MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { sortUtf8 } from '../../base/utf8-order.ts';
import { NO_METADATA } from '../conditions.ts';
import type { ObjectInfo } from '../object-store.ts';
import { fileError } from './file-errors.ts';

/** Folders of this name hold the store's own files, and listings skip them everywhere. */
export const HIDDEN_FOLDER = '.mapreduce';
/** Folders of runs inside of an output's hidden folder: their state and their token (local/output/job-folder.ts). */
export const RUN_FOLDER = /^(job|undo|done)-([0-9a-f]{32})(?:-[0-9a-f]{32})?$/;

/**
 * Different for any two contents of one key: a rewrite creates a new inode or changes the time of the last write. Renaming
 * and linking change neither.
 */
export function etagOf(stats: BigIntStats): string {
  return `${stats.ino.toString(36)}-${stats.size.toString(36)}-${stats.mtimeNs.toString(36)}`;
}

/**
 * The same for files that other programs may write to. They can set back the time of the last write, but not the time of
 * the inode's last change. Linking a file also changes the latter, so it is not used for this store's own objects.
 */
export function inputEtagOf(stats: BigIntStats): string {
  return `${etagOf(stats)}-${stats.ctimeNs.toString(36)}`;
}

export interface ListedFolder {
  /** The folder to list. */
  readonly path: string;
  /** The prefix of the keys of its entries: empty, or ending in '/'. */
  readonly keyPrefix: string;
  /** Lists only those entries of the first folder whose names start with this. */
  readonly namePrefix: string;
  /** Whether to list a folder below, whose key prefix ends in '/'. Default: lists all. */
  readonly enters?: (keyPrefix: string) => boolean;
  /** How to compute ETags. Default: etagOf. */
  readonly identify?: (stats: BigIntStats) => string;
  /** Called for an entry that is neither file nor folder; may throw. Default: skips the entry. */
  readonly onSpecial?: (key: string, what: string) => void;
  /** Whether a file is an error if its name is not UTF-8; the key has U+FFFD instead of invalid bytes. Default: always. */
  readonly isMissed?: (key: string) => boolean;
}

export async function* listFiles({
  path,
  keyPrefix,
  namePrefix,
  enters = () => true,
  identify = etagOf,
  onSpecial = () => {},
  isMissed = () => true,
}: ListedFolder): AsyncGenerator<ObjectInfo, undefined> {
  const first = await openFolder({ path, keyPrefix, namePrefix }, []);
  const open = first === undefined ? [] : [first];
  for (let folder = open.at(-1); folder !== undefined; folder = open.at(-1)) {
    if (folder.next === folder.names.length) {
      open.pop();
      continue;
    }
    const name = folder.names[folder.next]!;
    if (folder.notUtf8.has(name)) {
      folder.next += 1;
      const key = folder.keyPrefix + name;
      if (name.endsWith('/') ? enters(key) : isMissed(key))
        throw notUtf8(childPath(folder.path, name.replace(/\/$/, '')));
      continue;
    }
    if (name.endsWith('/')) {
      folder.next += 1;
      if (!enters(folder.keyPrefix + name)) continue;
      const inner = {
        path: childPath(folder.path, name.slice(0, -1)),
        keyPrefix: folder.keyPrefix + name,
        namePrefix: '',
      };
      const opened = await openFolder(inner, open);
      if (opened !== undefined) open.push(opened);
      continue;
    }
    const files = nextFiles(folder);
    folder.next += files.length;
    for (const info of await Promise.all(
      files.map((file) => lookAt(folder, file, { identify, onSpecial })),
    )) {
      if (info !== undefined) yield info;
    }
  }
}

/** Files whose stats are read at the same time: enough to keep the runtime's thread pool busy. */
const FILES_PER_BATCH = 64;
const NAMES_PER_READ = 1024;

interface OpenFolder {
  readonly path: string;
  readonly keyPrefix: string;
  /** Device and inode, to detect links that lead back. */
  readonly identity: string;
  /** Sorted. The names of folders end in '/'. */
  readonly names: readonly string[];
  /** The names that are not UTF-8. */
  readonly notUtf8: ReadonlySet<string>;
  next: number;
}

async function openFolder(
  { path, keyPrefix, namePrefix }: ListedFolder,
  above: readonly OpenFolder[],
): Promise<OpenFolder | undefined> {
  try {
    const stats = await stat(path, { bigint: true });
    const identity = `${stats.dev}:${stats.ino}`;
    const leadsBackTo = above.find((folder) => folder.identity === identity);
    if (leadsBackTo !== undefined) {
      throw new MapReduceError(
        'UsageError',
        `cannot list ${path}: it is a symbolic link back to ${leadsBackTo.path}. Remove the link, or name the files one by one.`,
      );
    }
    return { path, keyPrefix, identity, ...(await sortedNames(path, namePrefix)), next: 0 };
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fileError(error, { action: 'list', path, key: keyPrefix });
  }
}

async function sortedNames(path: string, namePrefix: string): Promise<Pick<OpenFolder, 'names' | 'notUtf8'>> {
  const names: string[] = [];
  let isAnyReplaced = false;
  for await (const entry of await opendir(path, { bufferSize: NAMES_PER_READ })) {
    if (!entry.name.startsWith(namePrefix) || entry.name === HIDDEN_FOLDER) continue;
    if (entry.name.includes(REPLACEMENT)) isAnyReplaced = true;
    else names.push((await isFolder(entry, childPath(path, entry.name))) ? `${entry.name}/` : entry.name);
  }
  const notUtf8 = new Set<string>();
  if (isAnyReplaced) {
    for (const entry of await readdir(path, { encoding: 'buffer', withFileTypes: true })) {
      const text = entry.name.toString();
      if (!text.startsWith(namePrefix) || !text.includes(REPLACEMENT)) continue;
      const whole = Buffer.concat([Buffer.from(childPath(path, '')), entry.name]);
      const name = (await isFolder(entry, whole)) ? `${text}/` : text;
      names.push(name);
      if (!isUtf8(entry.name)) notUtf8.add(name);
    }
  }
  return { names: sortUtf8(names), notUtf8 };
}

async function isFolder(entry: Dirent<string | Buffer>, path: string | Buffer): Promise<boolean> {
  return entry.isDirectory() || (entry.isSymbolicLink() && (await leadsToFolder(path)));
}

async function leadsToFolder(path: string | Buffer): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false; // Dangling or not accessible: lookAt() finds out which.
  }
}

export function childPath(folder: string, name: string): string {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

function nextFiles({ names, notUtf8, next }: OpenFolder): string[] {
  let end = next;
  const isFile = (name: string) => !name.endsWith('/') && !notUtf8.has(name);
  while (end < names.length && end - next < FILES_PER_BATCH && isFile(names[end]!)) end += 1;
  return names.slice(next, end);
}

async function lookAt(
  folder: OpenFolder,
  name: string,
  { identify, onSpecial }: Required<Pick<ListedFolder, 'identify' | 'onSpecial'>>,
): Promise<ObjectInfo | undefined> {
  const path = childPath(folder.path, name);
  const key = folder.keyPrefix + name;
  try {
    const stats = await stat(path, { bigint: true });
    if (!stats.isFile()) {
      if (!stats.isDirectory()) onSpecial(key, 'a pipe, socket or device');
      return undefined;
    }
    return { key, sizeBytes: Number(stats.size), etag: identify(stats), metadata: NO_METADATA };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      // If it is not a link, it was removed after the folder was read.
      if (await isLink(path)) onSpecial(key, 'a dangling symbolic link');
      return undefined;
    }
    throw fileError(error, { action: 'look at', path, key });
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    return false; // It no longer exists.
  }
}

/** What Node puts into a name instead of bytes that are not UTF-8. */
export const REPLACEMENT = '\ufffd';

export function notUtf8(path: string): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `cannot list ${path}: its name is not UTF-8. Rename it, for example with 'convmv'`,
    { details: { file: path } },
  );
}
