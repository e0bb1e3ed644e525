/** Files in folders below a folder. Names are relative to it, with '/' between folders. */
import { lstat, mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../base/field-of.ts';

/** Returns the names of all files below the folder; none if it does not exist. Does not follow links. */
export async function filesBelow(path: string): Promise<string[]> {
  const names: string[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = await readdir(join(path, folder), { withFileTypes: true }).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    });
    for (const entry of entries) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) folders.push(name);
      else names.push(name);
    }
  }
  return names;
}

/** The folders that the file is in, outermost first: of `a/b/c.tsv`, `a` and `a/b`. */
export function foldersOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Creates the folders that the file needs, but not `path` itself. */
export async function makeFoldersFor(path: string, name: string): Promise<void> {
  for (const folder of foldersOf(name)) {
    await mkdir(join(path, folder)).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
    });
  }
}

/** Removes the folders that held the file, if they are empty. */
export async function removeEmptyFoldersOf(path: string, name: string): Promise<void> {
  for (const folder of foldersOf(name).reverse()) {
    try {
      await rmdir(join(path, folder));
    } catch {
      return;
    }
  }
}

/** What is at a path: a folder, something else (also a link to a folder), or nothing. */
export async function kindOf(path: string): Promise<'folder' | 'other' | 'nothing'> {
  try {
    return (await lstat(path)).isDirectory() ? 'folder' : 'other';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return 'nothing';
    throw error;
  }
}
