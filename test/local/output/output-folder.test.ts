/**
 * Runs that replace results and are killed, one after the other. From every folder that they can leave behind, recovery
 * restores the complete results of the last run that committed. A run that is only suspended, at any step, changes nothing
 * of the run that has taken over from it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { jobId } from '../../../src/base/ids.ts';
import { thisProcess } from '../../../src/local/output/host-process.ts';
import { JobFolder } from '../../../src/local/output/job-folder.ts';
import { OutputClaim } from '../../../src/local/output/output-claim.ts';
import { checkResults, publish, recover, removeDone, undo } from '../../../src/local/output/output-folder.ts';
import { FileStore } from '../../../src/storage/file/file-store.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';
import { bytesIn, type FolderState, folderState, layFolder } from './folder-states.ts';
import { changes, watchFiles } from './watched-files.ts';

vi.mock('node:fs/promises', async (original) => (await import('./watched-files.ts')).watchedFiles(original));

/** The parts of the result of each run, some in folders. Each file names its run. */
const PARTS = {
  a: ['part-r-00000.tsv', 'k=1/part-r-00000.0.tsv'],
  b: ['k=1/l=2/part-r-00000.1.tsv'],
} as const;
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

let root: string;
beforeEach(() => {
  root = folderOfTest('output-folder-test');
});

const partsOf = (name: Name): readonly string[] => PARTS[name];
const manifestOf = (name: Name) =>
  JSON.stringify({
    formatVersion: 1,
    jobId: name,
    jobName: name,
    ...{
      params: {},
      startedAt: '',
      wallMs: 0,
      input: { files: 0, bytes: 0, splits: 0 },
      reducers: 1,
      stages: [],
    },
    parts: partsOf(name).map((part) => ({ name: part, records: 0, bytes: 0, crc32: '00000000' })),
    ...{ partitionRecords: [], counters: {}, failures: [] },
  });

/** The steps of run-job.ts that concern results. */
async function runJob({ name, overwrite, fails }: Way): Promise<void> {
  const folder = new JobFolder(root);
  const names = new Set([...partsOf(name), 'manifest.json', '_SUCCESS']);
  const check = { output: 'out', overwrite, extension: 'tsv', willWrite: (key: string) => names.has(key) };
  const claim = await OutputClaim.take(folder, { jobId: jobId(name), onWait: () => {} });
  try {
    const done = await recover(folder, claim);
    await checkResults(root, check).finally(() => removeDone(done));
    const store = new FileStore({ root: folder.path });
    await store.put('work/m-00000', Buffer.from(name));
    for (const part of partsOf(name)) await store.put(`work/result/${part}`, Buffer.from(name));
    // An attempt that lost has left it; the manifest does not list it.
    await store.put('work/result/k=1/part-r-00000.7.tsv', Buffer.from('stray'));
    await store.put('work/result/manifest.json', Buffer.from(manifestOf(name)));
    if (!fails) await store.put('work/result/_SUCCESS', Buffer.from(name));
    await publish(folder, claim, check);
    if (fails) throw new Error('the job fails');
    await folder.remove();
  } catch (error) {
    const isHeld = await claim.assertHeld().then(
      () => true,
      () => false,
    );
    if (isHeld) {
      await undo(folder.path, root);
      await folder.remove();
    } else await folder.removeRemainder();
    throw error;
  } finally {
    await claim.release();
  }
}

const HEX_TOKEN = /[0-9a-f]{32}/g;

/**
 * The folder as it would be if the process were killed now. Tokens are replaced by numbers, and temporary files of a store or
 * a claim are omitted, because they make no difference to the next run.
 */
function readState(): FolderState {
  const state = folderState(root, (key) => !/^\.mapreduce\/.*\/(\.mapreduce|claim)(\/|$)/.test(key));
  const tokens = new Map<string, string>();
  const numbered = (text: string) =>
    text.replace(HEX_TOKEN, (token) => {
      if (!tokens.has(token)) tokens.set(token, String(tokens.size).padStart(32, '0'));
      return tokens.get(token)!;
    });
  const isAtStake = (folder: string) =>
    Object.keys(state).some(
      (key) => key.startsWith(folder) && /\/(work\/result|replaced|removed)\//.test(key),
    );
  const kept = Object.entries(state).filter(([key]) => {
    const [folder] = /^\.mapreduce\/job-[^/]*\//.exec(key) ?? [];
    return folder === undefined || isAtStake(folder);
  });
  const DEAD = `${JSON.stringify({ jobId: 'dead', ...thisProcess(), pid: 2 ** 22 + 1 })}\n000000000000\n`;
  return Object.fromEntries(
    kept.map(([key, bytes]) => [numbered(key), /^\.mapreduce\/claim\/./.test(key) ? DEAD : numbered(bytes)]),
  );
}

/** Returns the run that wrote the results with a _SUCCESS. They must be all results of that run, and of no other. */
function wholeResults(folder: FolderState): Name | undefined {
  const name = bytesIn(folder, '_SUCCESS') as Name | undefined;
  if (name === undefined) return undefined;
  const results = Object.keys(folder).filter((key) => !key.startsWith('.mapreduce/') && !key.endsWith('/'));
  expect(Object.fromEntries(results.map((key) => [key, bytesIn(folder, key)]))).toEqual({
    ...Object.fromEntries(partsOf(name).map((part) => [part, name])),
    'manifest.json': manifestOf(name),
    _SUCCESS: name,
  });
  return name;
}

/** The folders that remain if the run is killed after each of its changes, and during the removal of a folder. */
async function leftByKills(way: Way): Promise<{ left: FolderState[]; done: boolean }> {
  const left = [readState()];
  using _watch = watchFiles(async (name, path, run) => {
    if (!changes(name)) return run();
    if (name === 'rm') left.push(...halvesOf(readState(), relative(root, path)));
    try {
      return await run();
    } finally {
      left.push(readState());
    }
  });
  const done = await runJob(way).then(
    () => true,
    () => false,
  );
  return { left, done };
}

/** The state without the first half, and without the last half, of the entries of a folder in it. */
function halvesOf(folder: FolderState, removed: string): FolderState[] {
  const entries = Object.entries(folder);
  const inside = entries.filter(([key]) => key.startsWith(`${removed.replace(/\/$/, '')}/`)).slice(1);
  const middle = Math.ceil(inside.length / 2);
  return [inside.slice(0, middle), inside.slice(middle)].map((gone) =>
    Object.fromEntries(entries.filter((entry) => !gone.includes(entry))),
  );
}

/** What the run after a kill finds. That run must not replace results, so it is refused. */
async function foundBehind(folder: FolderState): Promise<Name | undefined> {
  layFolder(root, folder);
  await expect(runJob({ name: 'b', overwrite: false, fails: false })).rejects.toMatchObject({
    name: 'OutputExistsError',
  });
  expect(readdirSync(root)).not.toContain('.mapreduce');
  return wholeResults(readState());
}

/** The number of successive kills, each of another run. */
const KILLS_MAX = 2;

describe('replaced results', () => {
  test('are the complete results of the last run that committed, after kills at any steps', async () => {
    await runJob({ name: 'a', overwrite: false, fails: false });
    const origin = readState();
    /** For each folder that kills can leave: the run whose results it holds or will hold after recovery. */
    const committed = new Map<string, Name>([[JSON.stringify(origin), 'a']]);
    let kills = 0;

    // Folders that are added during the loop are visited too.
    const killsBefore = new Map([[JSON.stringify(origin), 0]]);
    for (const [text, before] of committed) {
      if (killsBefore.get(text)! >= KILLS_MAX) continue;
      const folder = JSON.parse(text) as FolderState;
      // After the first kill, try the runs that get furthest.
      for (const way of killsBefore.get(text) === 0 ? WAYS : WAYS.slice(1, 3)) {
        layFolder(root, folder);
        const { left, done } = await leftByKills(way);
        let last = before;
        for (const killed of left) {
          kills++;
          // The run has committed as soon as its _SUCCESS exists.
          if (!way.fails && way.overwrite && isNew(left, killed, way.name)) last = way.name;
          const known = committed.get(JSON.stringify(killed));
          if (known === undefined) {
            expect(wholeResults(killed) ?? last, JSON.stringify(killed)).toBe(last);
            expect(await foundBehind(killed), JSON.stringify(killed)).toBe(last);
            committed.set(JSON.stringify(killed), last);
            killsBefore.set(JSON.stringify(killed), killsBefore.get(text)! + 1);
          } else expect(known, JSON.stringify(killed)).toBe(last);
        }
        expect(done).toBe(way.overwrite && !way.fails);
      }
    }

    expect(committed.size).toBeGreaterThan(50);
    expect(kills).toBeGreaterThan(1_000);
  });
});

/** Whether _SUCCESS is that of the run itself, which has then staged its own result. */
function isNew(left: readonly FolderState[], killed: FolderState, name: Name): boolean {
  return (
    bytesIn(killed, '_SUCCESS') === name &&
    left
      .slice(0, left.indexOf(killed))
      .some((folder) =>
        Object.keys(folder).some(
          (key) => /\/job-[^/]*\/work\/result\/_SUCCESS$/.test(key) && bytesIn(folder, key) === name,
        ),
      )
  );
}

/** Identifies the suspended run. */
const suspended = new AsyncLocalStorage<true>();

describe('a run that is suspended while another run takes over', () => {
  test.each([
    ['commits', { name: 'a', overwrite: true, fails: false }],
    ['fails', { name: 'a', overwrite: true, fails: true }],
  ] as const)(
    'and %s when it resumes, changes nothing of the other run, whichever step it was suspended at',
    async (_how, way) => {
      await runJob({ name: 'a', overwrite: false, fails: false });
      const before = folderState(root);
      let stops = 0;
      for (let stopAt = 1, wasStopped = true; wasStopped; stopAt++) {
        layFolder(root, before);
        const stopped = Promise.withResolvers<void>();
        const resume = Promise.withResolvers<void>();
        let taken = 0;
        wasStopped = false;
        using _watch = watchFiles(async (_name, _path, run) => {
          if (suspended.getStore() && ++taken === stopAt) {
            wasStopped = true;
            stopped.resolve();
            await resume.promise;
          }
          return run();
        });

        const first = suspended.run(true, () => runJob(way)).catch((error: unknown) => error);
        await Promise.race([stopped.promise, first]);
        // Treat the claim as one that was not renewed in time.
        rmSync(join(root, '.mapreduce', 'claim'), { recursive: true, force: true });
        await runJob({ name: 'b', overwrite: true, fails: false });
        const ofOther = readState();
        resume.resolve();
        const end = await first;

        const after = readState();
        const where = `stopped at step ${stopAt}`;
        // A run that had not yet taken the claim, or had already committed, behaves as if it were alone.
        if (end === undefined) expect(['a', 'b'], where).toContain(wholeResults(after));
        else if (way.fails && (end as Error).message === 'the job fails')
          expect(wholeResults(after), where).toBe('b');
        else {
          expect(end, where).toMatchObject({ name: expect.stringMatching(/Error$/) });
          expect(wholeResults(after), where).toBe('b');
          expect(resultsOf(after), where).toEqual(resultsOf(ofOther));
        }
        if (wasStopped) stops++;
      }

      expect(stops).toBeGreaterThan(60);
    },
  );
});

function resultsOf(state: FolderState): FolderState {
  return Object.fromEntries(
    Object.entries(state).filter(([key]) => !key.startsWith('.mapreduce') && !key.endsWith('/')),
  );
}
