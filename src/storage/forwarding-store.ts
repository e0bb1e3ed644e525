/** A store that forwards every call to another store. Subclasses override the calls that they change. */
import type {
  DeleteOptions,
  Metadata,
  ObjectInfo,
  ObjectStore,
  ReadOptions,
  StreamOptions,
  Upload,
  WriteOptions,
} from './object-store.ts';

export class ForwardingStore implements ObjectStore {
  readonly #inner: ObjectStore;

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  get location(): string {
    return this.#inner.location;
  }

  get readsAtOnce(): number | undefined {
    return this.#inner.readsAtOnce;
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

  put(key: string, body: Uint8Array, options?: WriteOptions): Promise<ObjectInfo> {
    return this.#inner.put(key, body, options);
  }

  upload(key: string, options?: { metadata?: Metadata }): Promise<Upload> {
    return this.#inner.upload(key, options);
  }

  list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    return this.#inner.list(prefix);
  }

  delete(keys: readonly string[], options?: DeleteOptions): Promise<void> {
    return this.#inner.delete(keys, options);
  }
}
