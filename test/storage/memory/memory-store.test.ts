import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';
import { describeObjectStoreContract } from '../object-store-contract.ts';

describeObjectStoreContract('MemoryStore', async () => new MemoryStore());

describe('MemoryStore', () => {
  it('overwrites a chunk when the next one is requested, to expose readers that keep chunks', async () => {
    const store = new MemoryStore();
    await store.put('a', Buffer.from('abcdef'));
    const chunks: Buffer[] = [];

    for await (const chunk of store.stream('a', { chunkSizeBytes: 3 })) chunks.push(chunk);

    expect(chunks.map((chunk) => chunk.toString('latin1'))).toEqual(['\xdb\xdb\xdb', '\xdb\xdb\xdb']);
    expect((await store.get('a')).toString()).toBe('abcdef');
  });

  it('does not share its bytes with readers', async () => {
    const store = new MemoryStore();
    await store.put('a', Buffer.from('abc'));

    (await store.get('a')).fill('x');

    expect((await store.get('a')).toString()).toBe('abc');
  });

  it('shows its name in messages', async () => {
    const store = new MemoryStore({ name: 'shuffle' });

    await expect(store.get('jobs/1')).rejects.toThrow('there is no object at memory://shuffle/jobs/1');
  });
});
