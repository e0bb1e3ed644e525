/** A folder as it is at a moment: files with their bytes as latin1, and folders, whose names end in '/'. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export type FolderState = Readonly<Record<string, string>>;

export function folderState(root: string, picks: (key: string) => boolean = () => true): FolderState {
  const found: [string, string][] = [];
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const key = relative(root, path);
    if (!picks(key)) continue;
    found.push(entry.isDirectory() ? [`${key}/`, ''] : [key, readFileSync(path, 'latin1')]);
  }
  return Object.fromEntries(found.sort(([x], [y]) => (x < y ? -1 : 1)));
}

export function layFolder(root: string, state: FolderState): void {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  for (const [key, bytes] of Object.entries(state)) {
    const path = join(root, key);
    mkdirSync(key.endsWith('/') ? path : dirname(path), { recursive: true });
    if (!key.endsWith('/')) writeFileSync(path, bytes, 'latin1');
  }
}
