/**
 * A store in which something happens to objects between two operations on them. Its streams read like those of S3: each
 * chunk is a request for the version that the first one saw, so they notice an object that is replaced while it is read.
 */
import { LIMITS } from '../../src/base/limits.ts';
import type { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type {
  ObjectInfo,
  ObjectStore,
  ReadOptions,
  StreamOptions,
  Upload,
  WriteOptions,
} from '../../src/storage/object-store.ts';

/** 'read 0' is the first chunk of a stream, 'read 1' the next. */
export type Operation = 'head' | 'get' | 'list' | `read ${number}`;

export class InterferingStore implements ObjectStore {
  readonly inner: MemoryStore;
  readonly location: string;
  /** Awaited before each operation that reads. */
  interfere: (operation: Operation, key: string) => Promise<void> | void = () => {};

  constructor(inner: MemoryStore) {
    this.inner = inner;
    this.location = inner.location;
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    await this.interfere('head', key);
    return await this.inner.head(key);
  }

  async get(key: string, options?: ReadOptions): Promise<Buffer> {
    await this.interfere('get', key);
    return await this.inner.get(key, options);
  }

  async *stream(key: string, options: StreamOptions = {}): AsyncIterableIterator<Buffer> {
    const { chunkSizeBytes = LIMITS.inputChunkBytes, range, ifMatch } = options;
    let version = ifMatch;
    let at = range?.start ?? 0;
    for (let index = 0; ; index++) {
      await this.interfere(`read ${index}`, key);
      const end = Math.min(range?.end ?? Number.MAX_SAFE_INTEGER, at + chunkSizeBytes);
      const part = { start: at, end };
      const chunk = await this.inner.get(key, {
        range: part,
        ...(version === undefined ? {} : { ifMatch: version }),
      });
      version ??= (await this.inner.head(key))?.etag;
      if (chunk.length > 0) yield chunk;
      at += chunk.length;
      if (chunk.length < chunkSizeBytes || at === range?.end) return;
    }
  }

  put(key: string, body: Uint8Array, options?: WriteOptions): Promise<ObjectInfo> {
    return this.inner.put(key, body, options);
  }

  upload(...args: Parameters<ObjectStore['upload']>): Promise<Upload> {
    return this.inner.upload(...args);
  }

  async *list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    await this.interfere('list', prefix);
    yield* this.inner.list(prefix);
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.inner.delete(keys);
  }
}
