import type { ObjectStore } from '../../src/storage/object-store.ts';

/** Returns the keys with a prefix, in the order of the listing. Default: all keys. */
export async function keysOf(store: ObjectStore, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}
