/**
 * A store whose streams let timers and answers have their turn now and then. An attempt that computes on data which was
 * read ahead awaits only what is there already, and would never hear that it was cancelled or overtaken.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  ObjectInfo,
  ObjectStore,
  ReadOptions,
  StreamOptions,
  Upload,
  WriteOptions,
} from '../../src/storage/object-store.ts';

/** A turn costs some microseconds, so it may come often. */
const TURN_INTERVAL_MS = 50;

export class TurnTakingStore implements ObjectStore {
  readonly #inner: ObjectStore;
  #lastTurnMs = performance.now();

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  get location(): string {
    return this.#inner.location;
  }

  async *stream(key: string, options?: StreamOptions): AsyncGenerator<Buffer, undefined> {
    for await (const chunk of this.#inner.stream(key, options)) {
      if (performance.now() - this.#lastTurnMs > TURN_INTERVAL_MS) {
        await nextTurn();
        this.#lastTurnMs = performance.now();
      }
      yield chunk;
    }
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#inner.head(key);
  }

  get(key: string, options?: ReadOptions): Promise<Buffer> {
    return this.#inner.get(key, options);
  }

  put(key: string, body: Uint8Array, options?: WriteOptions): Promise<ObjectInfo> {
    return this.#inner.put(key, body, options);
  }

  upload(...args: Parameters<ObjectStore['upload']>): Promise<Upload> {
    return this.#inner.upload(...args);
  }

  list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    return this.#inner.list(prefix);
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#inner.delete(keys);
  }
}
