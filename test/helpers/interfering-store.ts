/**
 * A store in which a test can change objects between two operations. Its streams read like those of S3: each chunk is a
 * request for the version that the first chunk had, so a stream fails if the object is replaced while it is read.
 */
import { LIMITS } from '../../src/base/limits.ts';
import { ForwardingStore } from '../../src/storage/forwarding-store.ts';
import type { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectInfo, ReadOptions, StreamOptions } from '../../src/storage/object-store.ts';

/** 'read 0' is the first chunk of a stream, 'read 1' the next one. */
export type Operation = 'head' | 'get' | 'list' | `read ${number}`;

export class InterferingStore extends ForwardingStore {
  readonly inner: MemoryStore;
  /** The store awaits this before each read operation. */
  interfere: (operation: Operation, key: string) => Promise<void> | void = () => {};

  constructor(inner: MemoryStore) {
    super(inner);
    this.inner = inner;
  }

  override async head(key: string): Promise<ObjectInfo | undefined> {
    await this.interfere('head', key);
    return await super.head(key);
  }

  override async get(key: string, options?: ReadOptions): Promise<Buffer> {
    await this.interfere('get', key);
    return await super.get(key, options);
  }

  override async *stream(key: string, options: StreamOptions = {}): AsyncIterableIterator<Buffer> {
    const { chunkSizeBytes = LIMITS.inputChunkBytes, range, ifMatch } = options;
    let version = ifMatch;
    let at = range?.start ?? 0;
    for (let index = 0; ; index++) {
      await this.interfere(`read ${index}`, key);
      const end = Math.min(range?.end ?? Number.MAX_SAFE_INTEGER, at + chunkSizeBytes);
      const part = { start: at, end };
      const chunk = await super.get(key, {
        range: part,
        ...(version === undefined ? {} : { ifMatch: version }),
      });
      version ??= (await super.head(key))?.etag;
      if (chunk.length > 0) yield chunk;
      at += chunk.length;
      if (chunk.length < chunkSizeBytes || at === range?.end) return;
    }
  }

  override async *list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    await this.interfere('list', prefix);
    yield* super.list(prefix);
  }
}
