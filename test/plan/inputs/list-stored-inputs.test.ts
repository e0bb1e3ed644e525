import { describe, expect, it } from 'vitest';
import { listStoredInputs } from '../../../src/plan/inputs/list-stored-inputs.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';

class WatchedStore extends MemoryStore {
  readonly listed: string[] = [];

  override list(prefix: string) {
    this.listed.push(prefix);
    return super.list(prefix);
  }
}

async function storeOf(...keys: string[]): Promise<WatchedStore> {
  const store = new WatchedStore();
  for (const key of keys) await store.put(key, Buffer.from(key.endsWith('/') ? '' : key));
  return store;
}

const KEYS = [
  'logs/',
  'logs/2024-01/a.gz',
  'logs/2024-01/b.txt',
  'logs/2024-02/_SUCCESS',
  'logs/2024-02/c.zst',
  'logs/2025-01/d.txt',
  'logs/x.txt',
  'other.txt',
  'odd[1].txt',
  'a+b/x.txt',
  'empty/',
];

async function keysOf(...patterns: string[]): Promise<string[]> {
  return (await listStoredInputs(await storeOf(...KEYS), patterns)).map(({ key }) => key);
}

describe('listStoredInputs()', () => {
  it('accepts keys, prefixes and globs, in the order given, each object once', async () => {
    expect(await keysOf('other.txt', 'logs/2024-01/')).toEqual([
      'other.txt',
      'logs/2024-01/a.gz',
      'logs/2024-01/b.txt',
    ]);
    expect(await keysOf('logs/x.txt', 'logs/')).toEqual([
      'logs/x.txt',
      'logs/2024-01/a.gz',
      'logs/2024-01/b.txt',
      'logs/2024-02/c.zst',
      'logs/2025-01/d.txt',
    ]);
    expect(await keysOf('logs/*.txt')).toEqual(['logs/x.txt']);
    expect(await keysOf('logs/2024-*/*')).toEqual([
      'logs/2024-01/a.gz',
      'logs/2024-01/b.txt',
      'logs/2024-02/c.zst',
    ]);
    expect(await keysOf('logs/2024-*/')).toEqual([
      'logs/2024-01/a.gz',
      'logs/2024-01/b.txt',
      'logs/2024-02/c.zst',
    ]);
    expect(await keysOf('logs/**/*.{txt,gz}')).toEqual([
      'logs/2024-01/a.gz',
      'logs/2024-01/b.txt',
      'logs/2025-01/d.txt',
      'logs/x.txt',
    ]);
    expect(await keysOf('*.txt')).toEqual(['odd[1].txt', 'other.txt']);
    expect(await keysOf('a+b/*')).toEqual(['a+b/x.txt']);
    expect(await keysOf('odd[1].txt')).toEqual(['odd[1].txt']);
    expect(await keysOf('logs/2024-02/_*')).toEqual(['logs/2024-02/_SUCCESS']);
  });

  it('returns size, ETag and compression from the listing', async () => {
    const store = await storeOf('in/a.gz');

    const [file] = await listStoredInputs(store, ['in/']);

    expect(file).toEqual({
      key: 'in/a.gz',
      sizeBytes: 7,
      etag: (await store.head('in/a.gz'))?.etag,
      compression: 'gzip',
    });
  });

  it('lists from the longest literal prefix', async () => {
    const store = await storeOf(...KEYS);

    await listStoredInputs(store, ['logs/2024-*/a.gz', 'a+b/@(x|y).txt']);

    expect(store.listed).toEqual(['logs/2024-', 'a+b/']);
  });

  it('treats a folder with only a marker object as empty', async () => {
    expect(await keysOf('empty/')).toEqual([]);
  });

  it.each([
    ['other.tx', /'other\.tx' does not exist in .*Did you mean 'other\.txt'\?/],
    ['logs/2024-01', /it is a folder\. To read the objects in it, write 'logs\/2024-01\/'/],
    ['nowhere/', /'nowhere\/' does not exist in .*no key starts with it/],
    ['logs/*.csv', /no key that starts with 'logs\/' matches/],
  ])("explains what is wrong with '%s'", async (pattern, message) => {
    await expect(keysOf(pattern)).rejects.toMatchObject({
      name: 'InputNotFoundError',
      message: expect.stringMatching(message),
    });
  });
});
