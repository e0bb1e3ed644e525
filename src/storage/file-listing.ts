/**
 * The files below a folder as objects, in S3's order: ascending bytes of the whole key.
 *
 * Within a folder, names are sorted with '/' appended to those of folders, since that is how their keys go on:
 *
 *     a-b     '-' is 0x2d         as plain names the folder `a` would come first,
 *     a/x     '/' is 0x2f         but its keys start with `a/`
 *     a0      '0' is 0x30
 *
 * Memory: the names of the folders from the root down to the current one, never the whole tree.
 * Files are looked at (size and ETag) a bounded number at a time.
 *
 * Symbolic links are followed; one that leads back to a folder above it is an error, since its files would be listed
 * over and over. Dangling links, pipes, sockets and devices are not objects; who lists inputs is told of them.
 */
import type { BigIntStats } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { MapReduceError } from '../errors.ts';
import { sortUtf8 } from '../utf8-order.ts';
import { NO_METADATA } from './conditions.ts';
import { errnoOf, fileError } from './file-errors.ts';
import type { ObjectInfo } from './object-store.ts';

/** Folders of this name hold the store's own files, and are left out wherever they are. */
export const HIDDEN_FOLDER = '.mapreduce';

/**
 * Different for any two contents that one key held: a rewrite makes a new inode or moves the time of the last
 * change. Renaming and linking touch neither.
 */
export function etagOf(stats: BigIntStats): string {
  return `${stats.ino.toString(36)}-${stats.size.toString(36)}-${stats.mtimeNs.toString(36)}`;
}

/**
 * The same for files that anybody may write to. The time of the last write can be set back, the time of the last change
 * of the file's inode cannot; but that also moves when a file is linked, as this store's own objects are.
 */
export function inputEtagOf(stats: BigIntStats): string {
  return `${etagOf(stats)}-${stats.ctimeNs.toString(36)}`;
}

export interface ListedFolder {
  /** Of the folder to begin at. */
  readonly path: string;
  /** What the keys of its entries start with: empty, or ending in '/'. */
  readonly keyPrefix: string;
  /** Only entries of the first folder whose names start so. */
  readonly namePrefix: string;
  /** Whether to look into a folder below; its key prefix ends in '/'. Default: into all. */
  readonly enters?: (keyPrefix: string) => boolean;
  /** Default: etagOf. */
  readonly identify?: (stats: BigIntStats) => string;
  /** Told of what is neither file nor folder; may throw. Default: it is no object, and left out. */
  readonly onSpecial?: (key: string, what: string) => void;
}

export async function* listFiles({
  path,
  keyPrefix,
  namePrefix,
  enters = () => true,
  identify = etagOf,
  onSpecial = () => {},
}: ListedFolder): AsyncGenerator<ObjectInfo, undefined> {
  const first = await openFolder({ path, keyPrefix, namePrefix }, []);
  const open = first === undefined ? [] : [first];
  for (let folder = open.at(-1); folder !== undefined; folder = open.at(-1)) {
    if (folder.next === folder.names.length) {
      open.pop();
      continue;
    }
    const name = folder.names[folder.next];
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

/** Files looked at together: enough to keep the runtime's thread pool busy. */
const FILES_PER_BATCH = 64;
const NAMES_PER_READ = 1024;

interface OpenFolder {
  readonly path: string;
  readonly keyPrefix: string;
  /** Device and inode, to notice links that lead back. */
  readonly identity: string;
  /** Sorted; those of folders end in '/'. */
  readonly names: readonly string[];
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
    return { path, keyPrefix, identity, names: await sortedNames(path, namePrefix), next: 0 };
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fileError(error, { action: 'list', path, key: keyPrefix });
  }
}

async function sortedNames(path: string, namePrefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of await opendir(path, { bufferSize: NAMES_PER_READ })) {
    if (!entry.name.startsWith(namePrefix) || entry.name === HIDDEN_FOLDER) continue;
    if (
      entry.isDirectory() ||
      (entry.isSymbolicLink() && (await leadsToFolder(childPath(path, entry.name))))
    ) {
      names.push(`${entry.name}/`);
    } else {
      names.push(entry.name);
    }
  }
  return sortUtf8(names);
}

async function leadsToFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false; // Dangling or out of reach: lookAt() finds out which.
  }
}

export function childPath(folder: string, name: string): string {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

function nextFiles({ names, next }: OpenFolder): string[] {
  let end = next;
  while (end < names.length && end - next < FILES_PER_BATCH && !names[end].endsWith('/')) end += 1;
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
    // Removed since the folder was read; or its name is not UTF-8 and can be neither shown nor opened.
    if (errnoOf(error) === 'ENOENT' && !name.includes('\ufffd')) {
      if (await isLink(path)) onSpecial(key, 'a symbolic link that leads nowhere');
      return undefined;
    }
    if (errnoOf(error) === 'ENOENT') {
      throw new MapReduceError(
        'UsageError',
        `cannot list ${path}: its name is not UTF-8. Rename it, for example with 'convmv'.`,
        { cause: error },
      );
    }
    throw fileError(error, { action: 'look at', path, key });
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    return false; // Gone by now.
  }
}
