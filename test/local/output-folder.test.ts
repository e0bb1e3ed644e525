/**
 * Jobs that replace results and are killed, the next one too, and so on: from every folder that can be left in this
 * way, the results that come back are those of the last job that committed, whole.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { dropReplaced, prepareOutput, restoreReplaced } from '../../src/local/output-folder.ts';
import { FileStore } from '../../src/storage/file-store.ts';
import { type FolderState, folderState, layFolder } from './folder-states.ts';
import { changes, watchFiles } from './watched-files.ts';

vi.mock('node:fs/promises', async (original) => (await import('./watched-files.ts')).watchedFiles(original));

/** How many parts the results of each job have; each file of theirs names its job. */
const PARTS = { a: 2, b: 1 } as const;
type Name = keyof typeof PARTS;

interface Way {
  readonly name: Name;
  readonly overwrite: boolean;
  readonly fails: boolean;
}

const WAYS: readonly Way[] = [
  { name: 'a', overwrite: true, fails: false },
  { name: 'b', overwrite: true, fails: false },
  { name: 'b', overwrite: true, fails: true },
  { name: 'b', overwrite: false, fails: false },
];

let store: FileStore;
beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), 'output-folder-test-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  store = new FileStore({ root });
});

/** The steps of embedded-run.ts, as far as they touch results. */
async function runJob({ name, overwrite, fails }: Way): Promise<void> {
  await prepareOutput(store, { output: 'out', overwrite });
  try {
    await store.put('_temporary/work/m-00000', Buffer.from(name));
    for (let part = 0; part < PARTS[name]; part++) {
      await store.put(`part-r-0000${part}.tsv`, Buffer.from(name));
    }
    if (fails) throw new Error('the job fails');
    await store.put('manifest.json', Buffer.from(name));
    await store.put('_SUCCESS', Buffer.from(name));
  } catch (error) {
    await restoreReplaced(store).catch(() => {});
    throw error;
  }
  await dropReplaced(store).catch(() => {});
}

/** Unfinished uploads are the store's own. */
const look = () => folderState(store.root, (key) => !key.startsWith('.mapreduce'));

/** Whose results those with a _SUCCESS are; they must be all of that job, and of no other. */
function wholeResults(folder: FolderState): Name | undefined {
  const name = folder._SUCCESS as Name | undefined;
  if (name === undefined) return undefined;
  const parts = Array.from({ length: PARTS[name] }, (_, part) => [`part-r-0000${part}.tsv`, name]);
  const results = Object.entries(folder).filter(([key]) => !key.startsWith('_temporary/'));
  expect(Object.fromEntries(results)).toEqual({
    ...Object.fromEntries(parts),
    'manifest.json': name,
    _SUCCESS: name,
  });
  return name;
}

/** What would be left if the job were killed: after each change that it makes, and amid the removal of a folder. */
async function leftByKills(way: Way): Promise<{ left: FolderState[]; done: boolean }> {
  const left = [look()];
  using _watch = watchFiles(async (name, path, run) => {
    if (!changes(name)) return run();
    if (name === 'rm') left.push(...halvesOf(look(), relative(store.root, path)));
    try {
      return await run();
    } finally {
      left.push(look());
    }
  });
  const done = await runJob(way).then(
    () => true,
    () => false,
  );
  return { left, done };
}

/** The folder without the first, and without the last half of what is in one below it. */
function halvesOf(folder: FolderState, removed: string): FolderState[] {
  const entries = Object.entries(folder);
  const inside = entries.filter(([key]) => key.startsWith(`${removed.replace(/\/$/, '')}/`)).slice(1);
  const middle = Math.ceil(inside.length / 2);
  return [inside.slice(0, middle), inside.slice(middle)].map((gone) =>
    Object.fromEntries(entries.filter((entry) => !gone.includes(entry))),
  );
}

/** What the job after a kill finds, which is to replace nothing and is refused for it. */
async function foundBehind(folder: FolderState): Promise<Name | undefined> {
  layFolder(store.root, folder);
  await expect(prepareOutput(store, { output: 'out', overwrite: false })).rejects.toMatchObject({
    name: 'OutputExistsError',
  });
  expect(readdirSync(join(store.root, '_temporary'))).toEqual([]);
  return wholeResults(look());
}

describe('results that are replaced', () => {
  test('are those of the last job that committed, whole, after any number of kills at any places', async () => {
    await runJob({ name: 'a', overwrite: false, fails: false });
    const origin = look();
    /** Of each folder that kills can leave, the job whose results it holds or will hold again. */
    const committed = new Map<string, Name>([[JSON.stringify(origin), 'a']]);
    let kills = 0;

    // What is added meanwhile is visited too.
    for (const [text, before] of committed) {
      const folder = JSON.parse(text) as FolderState;
      for (const way of WAYS) {
        layFolder(store.root, folder);
        const { left, done } = await leftByKills(way);
        let last = before;
        for (const killed of left) {
          kills++;
          // From its _SUCCESS on the job has committed.
          if (way.overwrite && !way.fails && killed._SUCCESS === way.name && isNew(left, killed))
            last = way.name;
          const known = committed.get(JSON.stringify(killed));
          if (known === undefined) {
            expect(wholeResults(killed) ?? last, JSON.stringify(killed)).toBe(last);
            expect(await foundBehind(killed), JSON.stringify(killed)).toBe(last);
            committed.set(JSON.stringify(killed), last);
          } else expect(known, JSON.stringify(killed)).toBe(last);
        }
        expect(done).toBe(way.overwrite && !way.fails);
      }
    }

    expect(committed.size).toBeGreaterThan(50);
    expect(kills).toBeGreaterThan(1_000);
  });
});

/** Whether _SUCCESS is that of the job itself: since then it has set the results before aside. */
function isNew(left: readonly FolderState[], killed: FolderState): boolean {
  return left
    .slice(0, left.indexOf(killed))
    .some((folder) => folder['_temporary/work/m-00000'] !== undefined);
}
