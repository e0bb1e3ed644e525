import type { ObjectStore } from '../../src/storage/object-store.ts';

export async function anyExists(store: ObjectStore, keys: readonly string[]): Promise<boolean> {
  const found = await Promise.all(keys.map((key) => store.head(key)));
  return found.some((info) => info !== undefined);
}
