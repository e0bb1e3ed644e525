/** Records what is in a folder, to check that a run changed nothing but its output. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** The content, the link target or 'folder', by path. */
export type Snapshot = ReadonlyMap<string, string>;

export function snapshot(folder: string): Snapshot {
  const found = new Map<string, string>();
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    found.set(path, describe(join(folder, path)));
  }
  return found;
}

/** Returns the paths that differ, and how. `ignores` are path prefixes. */
export function changed(before: Snapshot, after: Snapshot, ignores: readonly string[] = []): string[] {
  const isIgnored = (path: string) =>
    ignores.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
  const gone = [...before.keys()].filter((path) => !after.has(path)).map((path) => `${path} is gone`);
  const others = [...after].flatMap(([path, what]) => {
    if (!before.has(path)) return [`${path} is new`];
    return before.get(path) === what ? [] : [`${path} has changed`];
  });
  return [...gone, ...others].filter(
    (line) => !isIgnored(line.replace(/ (is gone|is new|has changed)$/, '')),
  );
}

function describe(path: string): string {
  const stats = lstatSync(path);
  if (stats.isDirectory()) return 'folder';
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  return `${stats.mtimeMs} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}
