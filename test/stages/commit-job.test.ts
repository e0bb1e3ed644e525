import { describe, expect, it } from 'vitest';
import { mapTaskIndexOf } from '../../src/commit/layout.ts';
import type { JobReport } from '../../src/report/report.ts';
import { isResultName } from '../../src/report/result-names.ts';
import { commitJob, removePrefix, removeWork } from '../../src/stages/commit-job.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { LAYOUT } from '../commit/environment.ts';
import { objectsBelow } from '../commit/small-job.ts';
import { FaultyStore } from '../helpers/faulty-store.ts';

const REPORT = { formatVersion: 1, jobId: 'j', parts: [] } as unknown as JobReport;

describe('commitJob()', () => {
  it('writes the manifest, then _SUCCESS, and does so again if called again', async () => {
    const store = new MemoryStore();
    const watched = new FaultyStore(store);

    await commitJob({ report: REPORT, store: watched, layout: LAYOUT });
    await commitJob({ report: REPORT, store: watched, layout: LAYOUT });

    const order = ['put out/manifest.json', 'put out/_SUCCESS'];
    expect(watched.log).toEqual([...order, ...order]);
    expect(Object.keys(await objectsBelow(store, ''))).toEqual(['out/_SUCCESS', 'out/manifest.json']);
    expect(JSON.parse((await store.get('out/manifest.json')).toString())).toEqual(REPORT);
  });

  it('keeps the intermediates, because their removal may fail after the commit', async () => {
    const store = new MemoryStore();
    await store.put('work/shuffle/m-00000', Buffer.from('x'));
    await store.put('workshop', Buffer.from('not ours'));

    await commitJob({ report: REPORT, store, layout: LAYOUT });
    const committed = Object.keys(await objectsBelow(store, ''));
    await removeWork(store, LAYOUT);

    const result = ['out/_SUCCESS', 'out/manifest.json'];
    expect(committed).toEqual([...result, 'work/shuffle/m-00000', 'workshop']);
    expect(Object.keys(await objectsBelow(store, ''))).toEqual([...result, 'workshop']);
  });

  it('removes any number of intermediates', async () => {
    const store = new MemoryStore();
    for (let i = 0; i < 2_500; i++) await store.put(`work/attempts/${i}.json`, Buffer.from('x'));
    const watched = new FaultyStore(store);

    await removePrefix(watched, 'work/', (key) => key !== 'work/attempts/7.json');

    const deletes = watched.log.filter((name) => name.startsWith('delete '));
    expect(deletes.map((name) => name.split(' ').length - 1)).toEqual([1_000, 1_000, 499]);
    expect(Object.keys(await objectsBelow(store, ''))).toEqual(['work/attempts/7.json']);
  });
});

describe('the layout', () => {
  it('recognises the names of results', () => {
    for (const name of [
      '_SUCCESS',
      'manifest.json',
      'part-r-00000.tsv',
      'part-m-123456.jsonl',
      'merged.txt',
    ]) {
      expect(isResultName(name)).toBe(true);
    }
    for (const name of [
      'part-r-0000.tsv',
      'part-x-00000.tsv',
      'mypart-r-00000.tsv',
      'merged',
      'SUCCESS',
      'part-r-00000',
    ]) {
      expect(isResultName(name)).toBe(false);
    }
  });

  it('finds the map task of a shuffle object from its key', () => {
    expect(mapTaskIndexOf('jobs/x/shuffle/m-00042')).toBe(42);
    expect(mapTaskIndexOf('shuffle/m-123456')).toBe(123_456);
    for (const key of [
      'merge/r-00001',
      'shuffle/r-00001',
      'shuffle/m-1',
      'xshuffle/m-00001',
      'shuffle/m-00001.tmp',
      'spill-0',
    ]) {
      expect(mapTaskIndexOf(key)).toBeUndefined();
    }
  });
});
