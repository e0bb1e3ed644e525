/** A store that reads what is there and keeps nothing of what is written: for attempts that are not to commit. */
import type {
  Metadata,
  ObjectInfo,
  ObjectStore,
  ReadOptions,
  StreamOptions,
  Upload,
  WriteOptions,
} from '../../src/storage/object-store.ts';

export class DiscardingStore implements ObjectStore {
  readonly #inner: ObjectStore;

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  get location(): string {
    return this.#inner.location;
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#inner.head(key);
  }

  get(key: string, options?: ReadOptions): Promise<Buffer> {
    return this.#inner.get(key, options);
  }

  stream(key: string, options?: StreamOptions): AsyncIterableIterator<Buffer> {
    return this.#inner.stream(key, options);
  }

  list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    return this.#inner.list(prefix);
  }

  async put(key: string, body: Uint8Array, { metadata = {} }: WriteOptions = {}): Promise<ObjectInfo> {
    return discarded(key, body.byteLength, metadata);
  }

  async upload(key: string, { metadata = {} }: { metadata?: Metadata } = {}): Promise<Upload> {
    let sizeBytes = 0;
    return {
      async write(chunk) {
        sizeBytes += chunk.byteLength;
      },
      complete: async () => discarded(key, sizeBytes, metadata),
      async abort() {},
    };
  }

  async delete(): Promise<void> {}
}

function discarded(key: string, sizeBytes: number, metadata: Metadata): ObjectInfo {
  return { key, sizeBytes, etag: 'discarded', metadata };
}
