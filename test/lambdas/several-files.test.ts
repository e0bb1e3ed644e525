/** Jobs on AWS whose tasks write several files: what is left of attempts and jobs that did not succeed, and who may write where. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MapReduceError } from '../../src/base/errors.ts';
import { JOB_METADATA } from '../../src/commit/committed-part.ts';
import type { JobReport } from '../../src/report/report.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectInfo, WriteOptions } from '../../src/storage/object-store.ts';
import { countInFolders, wordCount } from '../helpers/jobs.ts';
import { type Ended, SimulatedMachine } from './simulated-machine.ts';

/** Calls back before a write. */
class WatchedStore extends MemoryStore {
  beforePut: (key: string, store: MemoryStore) => Promise<void> | void = () => {};

  override async put(key: string, body: Uint8Array, options?: WriteOptions): Promise<ObjectInfo> {
    await this.beforePut(key, this);
    return await super.put(key, body, options);
  }
}

let stores = 0;

async function machineOf(): Promise<{ machine: SimulatedMachine; store: WatchedStore } & AsyncDisposable> {
  const store = new WatchedStore({ name: `several-files-${stores++}` });
  await store.put('data/a.txt', Buffer.from('apple bee\napple ant\nbee apple cat\n'));
  await store.put('data/b.txt', Buffer.from('zebra zebra\nzebra\n'));
  const machine = await SimulatedMachine.start({ folders: countInFolders, flat: wordCount }, store);
  return { machine, store, [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose]() };
}

const REQUEST = { app: 'folders', inputs: ['data/a.txt'], output: 'output/o/', reducers: 2 };

async function filesIn(store: MemoryStore, prefix = 'output/o/'): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { key } of store.list(prefix)) {
    files[key.slice(prefix.length)] = (await store.get(key)).toString();
  }
  return files;
}

/** Checks that the output holds what its manifest names and nothing else, and returns the records by output and folder. */
async function checked(store: MemoryStore, ended: Ended): Promise<Record<string, string[]>> {
  expect(ended, JSON.stringify(ended)).toMatchObject({ status: 'SUCCEEDED' });
  const { 'manifest.json': manifest, ...others } = await filesIn(store);
  const { _JOB, _SUCCESS, '_report.html': page, '_attempts.jsonl.gz': attempts, ...files } = others;
  expect([_JOB, _SUCCESS, page, attempts].every((text) => typeof text === 'string')).toBe(true);
  const { parts } = JSON.parse(manifest!) as JobReport;
  expect(Object.keys(files).sort()).toEqual(parts.map(({ name }) => name).sort());
  const records: Record<string, string[]> = {};
  for (const [name, text] of Object.entries(files)) {
    const folder = name.slice(0, name.lastIndexOf('/'));
    records[folder] = [...(records[folder] ?? []), ...text.trimEnd().split('\n')].sort();
  }
  expect((await store.list(`work/${JSON.parse(manifest!).jobId}/`).next()).done).toBe(true);
  return records;
}

const A_COUNTS = {
  'counts/letter=a': ['ant\t1', 'apple\t3'],
  'counts/letter=b': ['bee\t2'],
  'counts/letter=c': ['cat\t1'],
  often: expect.arrayContaining(['apple,3', 'word,count']),
};

describe('a job with several files per task', () => {
  it('names exactly its files in the manifest', async () => {
    await using run = await machineOf();

    const ended = await run.machine.execute({ jobId: 'one', request: REQUEST });

    expect(await checked(run.store, ended)).toEqual(A_COUNTS);
    expect(run.machine.log).toEqual(['plan', 'm-0', 'map-barrier', 'r-0', 'r-1', 'reduce-barrier', 'commit']);
  });

  it.each([
    ['before its list is written', false],
    ['after its list was written, but the answer was lost', true],
  ])('loses nothing and keeps nothing of an attempt that fails %s', async (_when, isWritten) => {
    await using run = await machineOf();
    let faults = 0;
    run.store.beforePut = async (key) => {
      if (key !== 'work/one/files/r-00000' || faults++ > 0) return;
      const { metadata } = (await run.store.head('work/one/shuffle/m-00000'))!;
      expect(metadata).toBeDefined();
      if (isWritten) return;
      throw new MapReduceError('StorageError', 'the connection was closed');
    };

    const ended = await run.machine.execute({ jobId: 'one', request: REQUEST });

    expect(await checked(run.store, ended)).toEqual(A_COUNTS);
    expect(run.machine.log.filter((step) => step === 'r-0')).toHaveLength(isWritten ? 1 : 2);
  });

  it('removes the files of an attempt that died, and of one that was too late', async () => {
    await using run = await machineOf();
    const stray = (name: string, job = 'one') =>
      run.store.put(`output/o/${name}`, Buffer.from('stray\t1\n'), { metadata: { [JOB_METADATA]: job } });

    const ended = await run.machine.execute(
      { jobId: 'one', request: REQUEST },
      {
        beforeCommit: async () => {
          await stray('counts/letter=a/part-r-00000.dead.tsv');
          await stray('often/part-r-00001.late.csv');
          // Not of this job, or not of a job: another output may be nested here.
          await stray('nested/x/part-r-00000.other.tsv', 'other');
          await run.store.put('output/o/nested/y/part-r-00000.data.tsv', Buffer.from('data'));
        },
      },
    );

    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    const names = Object.keys(await filesIn(run.store));
    expect(names.filter((name) => name.includes('.dead.') || name.includes('.late.'))).toEqual([]);
    expect(names.filter((name) => name.startsWith('nested/'))).toEqual([
      'nested/x/part-r-00000.other.tsv',
      'nested/y/part-r-00000.data.tsv',
    ]);
  });

  it.each([
    ['removed', async (store: MemoryStore, key: string) => await store.delete([key])],
    [
      'changed',
      async (store: MemoryStore, key: string) => {
        await store.put(key, Buffer.from('x'), { metadata: (await store.head(key))!.metadata });
      },
    ],
  ] as const)('runs a task again if one of its files is %s before the commit', async (_how, damage) => {
    for (const step of ['barrier', 'commit'] as const) {
      await using run = await machineOf();
      let isDamaged = false;
      const damageOnce = async () => {
        if (isDamaged) return;
        isDamaged = true;
        for await (const { key } of run.store.list('output/o/counts/')) {
          run.store.beforePut = () => {};
          await damage(run.store, key);
          return;
        }
      };
      if (step === 'barrier') {
        run.store.beforePut = async (key) => {
          if (key === 'work/one/files/r-00001') await damageOnce();
        };
      }

      const ended = await run.machine.execute(
        { jobId: 'one', request: REQUEST },
        step === 'commit' ? { beforeCommit: damageOnce } : {},
      );

      run.store.beforePut = () => {};
      expect(await checked(run.store, ended)).toEqual(A_COUNTS);
      expect(run.machine.log.filter((name) => name.startsWith('r-'))).toHaveLength(3);
    }
  });

  it.each([
    ['several files', REQUEST],
    ['one file per task', { ...REQUEST, app: 'flat' }],
  ])('replaces an earlier result of %s in folders and beside them', async (_what, earlier) => {
    await using run = await machineOf();
    await run.machine.execute({ jobId: 'one', request: earlier });
    const request = { ...REQUEST, inputs: ['data/b.txt'] };

    const refused = await run.machine.execute({ jobId: 'two', request });
    const ended = await run.machine.execute({ jobId: 'three', request: { ...request, overwrite: true } });

    expect(refused).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    expect(await checked(run.store, ended)).toEqual({
      'counts/letter=z': ['zebra\t3'],
      often: expect.arrayContaining(['zebra,3']),
    });
  });

  it('is replaced by a job with one file per task', async () => {
    await using run = await machineOf();
    await run.machine.execute({ jobId: 'one', request: REQUEST });

    const ended = await run.machine.execute({
      jobId: 'two',
      request: { ...REQUEST, app: 'flat', overwrite: true },
    });

    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    expect(Object.keys(await filesIn(run.store))).toEqual([
      '_JOB',
      '_SUCCESS',
      '_attempts.jsonl.gz',
      '_report.html',
      'manifest.json',
      'part-r-00000.tsv',
      'part-r-00001.tsv',
    ]);
  });

  it('that failed leaves files without a manifest, which the next owner of the output removes', async () => {
    await using run = await machineOf();
    run.store.beforePut = (key) => {
      if (key === 'work/one/files/r-00001') throw new MapReduceError('DiskFullError', 'no space left');
    };
    const failed = await run.machine.execute({ jobId: 'one', request: REQUEST });
    run.store.beforePut = () => {};
    const left = Object.keys(await filesIn(run.store));

    const ended = await run.machine.execute({
      jobId: 'two',
      request: { ...REQUEST, inputs: ['data/b.txt'], overwrite: true },
    });

    expect(failed.status).toBe('FAILED');
    expect(left.filter((name) => name.includes('part-r-00000')).length).toBeGreaterThan(0);
    expect(left).not.toContain('_SUCCESS');
    expect(await checked(run.store, ended)).toMatchObject({ 'counts/letter=z': ['zebra\t3'] });
  });

  it('is redriven with the lists of the tasks that committed', async () => {
    await using run = await machineOf();
    run.store.beforePut = (key) => {
      if (key === 'work/one/files/r-00001') throw new MapReduceError('DiskFullError', 'no space left');
    };
    const failed = await run.machine.execute({ jobId: 'one', request: REQUEST });
    run.store.beforePut = () => {};
    run.machine.log.length = 0;
    // Failures count from the start of the execution, in milliseconds.
    await sleep(5);

    const ended = await run.machine.execute({ jobId: 'one', redrive: true });

    expect(failed.status).toBe('FAILED');
    expect(await checked(run.store, ended)).toEqual(A_COUNTS);
    expect(run.machine.log).not.toContain('r-0');
  });

  it('can be the input of a job: the whole result, or one of its folders', async () => {
    await using run = await machineOf();
    await run.machine.execute({ jobId: 'one', request: REQUEST });
    await run.store.put(
      'output/o/counts/letter=a/part-r-00000.00000000-0000-0000-0000-000000000000.tsv',
      Buffer.from('stray\t9\n'),
    );

    const request = { app: 'flat', output: 'output/p/', reducers: 1 };
    const folder = await run.machine.execute({
      jobId: 'two',
      request: { ...request, inputs: ['output/o/counts/letter=a/'] },
    });

    expect(folder).toMatchObject({ status: 'SUCCEEDED' });
    expect((await filesIn(run.store, 'output/p/'))['part-r-00000.tsv']).toBe('ant\\t1\t1\napple\\t3\t1\n');
    await run.machine.execute({
      jobId: 'three',
      request: { ...request, inputs: ['output/o/'], overwrite: true },
    });
    const all = (await filesIn(run.store, 'output/p/'))['part-r-00000.tsv']!;
    expect(all).toContain('bee\\t2\t1\n');
    expect(all).toContain('apple,3\t1\n');
    expect(all).not.toContain('stray');
  });

  it('refuses to merge, before any task runs', async () => {
    await using run = await machineOf();

    const ended = await run.machine.execute({ jobId: 'one', request: { ...REQUEST, merge: true } });

    expect(ended).toMatchObject({
      status: 'FAILED',
      failure: { error: 'UsageError', cause: expect.stringContaining('its output cannot be merged') },
    });
    expect(run.machine.log).toEqual(['plan']);
  });
});

it('a slow attempt writes no file once another attempt has committed, and removes what it wrote', async () => {
  await using run = await machineOf();
  // More folders than are written at the same time.
  const letters = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  await run.store.put('data/a.txt', Buffer.from(letters.join(' ')));
  const written: string[] = [];
  run.store.beforePut = async (key, store) => {
    if (!key.includes('/part-')) return;
    if (written.push(key) > 1) return;
    // Another attempt commits while this one writes its first file.
    const list = { formatVersion: 1, summary: { taskId: 'r-00000' }, files: [] };
    const metadata = { [JOB_METADATA]: 'one' };
    await store.put('work/one/files/r-00000', Buffer.from(JSON.stringify(list)), { metadata });
  };

  await run.machine.execute(
    { jobId: 'one', request: { ...REQUEST, reducers: 1 } },
    { beforeCommit: () => Promise.reject(new MapReduceError('CancelledError', 'stop here')) },
  );

  expect(written.length).toBeGreaterThan(0);
  expect(written.length).toBeLessThan(letters.length / 2);
  expect(Object.keys(await filesIn(run.store)).filter((name) => name.includes('part-'))).toEqual([]);
});
