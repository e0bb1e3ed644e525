/**
 * The state of a folder: files with their bytes as latin1, and folders, whose names end in '/'. If a file has several names,
 * its bytes follow the first of them. Restoring the state makes these names hard links of one file again.
 */
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export type FolderState = Readonly<Record<string, string>>;

const SEVERAL_NAMES = /^\0several names, the first is ([^\0]*)\0/;

export function folderState(root: string, picks: (key: string) => boolean = () => true): FolderState {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).map((entry) => ({
    key: relative(root, join(entry.parentPath, entry.name)),
    isFolder: entry.isDirectory(),
  }));
  const firstNames = new Map<bigint, string>();
  const found: [string, string][] = [];
  for (const { key, isFolder } of entries.sort((x, y) => (x.key < y.key ? -1 : 1))) {
    if (!picks(key)) continue;
    if (isFolder) {
      found.push([`${key}/`, '']);
      continue;
    }
    const { ino, nlink } = statSync(join(root, key), { bigint: true });
    if (!firstNames.has(ino)) firstNames.set(ino, key);
    const names = nlink === 1n ? '' : `\0several names, the first is ${firstNames.get(ino)}\0`;
    found.push([key, names + readFileSync(join(root, key), 'latin1')]);
  }
  return Object.fromEntries(found.sort(([x], [y]) => (x < y ? -1 : 1)));
}

export function layFolder(root: string, state: FolderState): void {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  const laid = new Map<string, string>();
  for (const [key, text] of Object.entries(state)) {
    const path = join(root, key);
    mkdirSync(key.endsWith('/') ? path : dirname(path), { recursive: true });
    if (key.endsWith('/')) continue;
    const first = SEVERAL_NAMES.exec(text)?.[1];
    const other = first === undefined ? undefined : laid.get(first);
    if (other !== undefined) linkSync(other, path);
    else writeFileSync(path, bytesIn(state, key)!, 'latin1');
    if (first !== undefined) laid.set(first, other ?? path);
  }
}

export function bytesIn(state: FolderState, key: string): string | undefined {
  return state[key]?.replace(SEVERAL_NAMES, '');
}
