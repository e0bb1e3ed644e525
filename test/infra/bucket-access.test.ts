import { describe, expect, it } from 'vitest';
import { bucketAccess } from '../../infra/functions/bucket-access.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { RestrictedStore } from '../helpers/restricted-store.ts';

const mapStore = () =>
  new RestrictedStore(new MemoryStore(), { who: 'map', access: bucketAccess('map', ['data/']) });

/** The tests of the steps (test/lambdas) use this store, so they fail if a role lacks a permission. */
describe('the store of those tests rejects what a role does not allow', () => {
  it.each([
    ['reading', 'an input outside of the readable prefixes', () => mapStore().head('input/word-count/a.txt')],
    ['writing', "a job's claim", () => mapStore().put('jobs/a/request.json', Buffer.alloc(0))],
    ['writing', 'a manifest', () => mapStore().upload('output/a/manifest.json')],
    ['writing', "a reduce task's part", () => mapStore().upload('output/a/part-r-00000.tsv')],
    ['removing', "another task's shuffle object", () => mapStore().delete(['work/a/shuffle/m-00000'])],
  ])('%s %s', async (_, __, access) => {
    await expect(access()).rejects.toThrow('the role of map may not');
  });

  it('but allows what the role allows', async () => {
    const store = mapStore();

    await store.put('work/a/shuffle/m-00000', Buffer.alloc(0));

    expect(await store.head('data/logs/a.gz')).toBeUndefined();
  });
});
