/**
 * Objects in the memory of this thread, for tests and small jobs. Its streams overwrite each chunk when the next one is
 * requested, so that a reader that keeps a chunk for too long fails here, and not only on a large file.
 */
import { LIMITS } from '../../base/limits.ts';
import { sortUtf8 } from '../../base/utf8-order.ts';
import {
  alreadyExists,
  changedSince,
  checkedChunkSize,
  checkedMetadata,
  clampRange,
  NO_METADATA,
  objectNotFound,
} from '../conditions.ts';
import type {
  Metadata,
  ObjectInfo,
  ObjectStore,
  ReadOptions,
  StreamOptions,
  Upload,
  WriteCondition,
  WriteOptions,
} from '../object-store.ts';

export class MemoryStore implements ObjectStore {
  readonly location: string;
  readonly #objects = new Map<string, StoredObject>();
  #versions = 0;

  constructor({ name = 'store' }: { name?: string } = {}) {
    this.location = `memory://${name}`;
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const object = this.#objects.get(key);
    return object && infoOf(key, object);
  }

  async get(key: string, { range, ifMatch }: ReadOptions = {}): Promise<Buffer> {
    const { bytes } = this.#find(key, ifMatch);
    const { start, end } = clampRange(range, bytes.length);
    return Buffer.from(bytes.subarray(start, end));
  }

  async *stream(key: string, options: StreamOptions = {}): AsyncIterableIterator<Buffer> {
    const chunkSizeBytes = checkedChunkSize(options.chunkSizeBytes ?? LIMITS.inputChunkBytes);
    const { bytes } = this.#find(key, options.ifMatch);
    const { start, end } = clampRange(options.range, bytes.length);
    for (let at = start; at < end; at += chunkSizeBytes) {
      const chunk = Buffer.from(bytes.subarray(at, Math.min(at + chunkSizeBytes, end)));
      yield chunk;
      chunk.fill(OVERWRITTEN);
    }
  }

  async put(
    key: string,
    body: Uint8Array,
    { metadata, ...condition }: WriteOptions = {},
  ): Promise<ObjectInfo> {
    return this.#store(key, Buffer.from(body), { metadata: checkedMetadata(metadata), ...condition });
  }

  async upload(key: string, options: { metadata?: Metadata } = {}): Promise<Upload> {
    const metadata = checkedMetadata(options.metadata);
    return new MemoryUpload(key, (bytes, condition) => this.#store(key, bytes, { metadata, ...condition }));
  }

  async *list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    const keys = sortUtf8([...this.#objects.keys()].filter((key) => key.startsWith(prefix)));
    for (const key of keys) {
      const object = this.#objects.get(key);
      if (object !== undefined) yield { ...infoOf(key, object), metadata: NO_METADATA };
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#objects.delete(key);
  }

  #find(key: string, ifMatch: string | undefined): StoredObject {
    const object = this.#objects.get(key);
    const where = `${this.location}/${key}`;
    if (object === undefined) throw objectNotFound(where, key);
    if (ifMatch !== undefined && ifMatch !== object.etag) {
      throw changedSince(where, key, { expected: ifMatch, found: object.etag });
    }
    return object;
  }

  #store(
    key: string,
    bytes: Buffer,
    { metadata, ifNoneMatch, ifMatch }: { metadata: Metadata } & WriteCondition,
  ): ObjectInfo {
    const where = `${this.location}/${key}`;
    const before = this.#objects.get(key);
    if (ifNoneMatch === '*' && before !== undefined) throw alreadyExists(where, key);
    if (ifMatch !== undefined && ifMatch !== before?.etag) {
      throw changedSince(where, key, { expected: ifMatch, found: before?.etag ?? 'no object' });
    }
    this.#versions += 1;
    const object = { bytes, etag: `v${this.#versions}`, metadata };
    this.#objects.set(key, object);
    return infoOf(key, object);
  }
}

interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly metadata: Metadata;
}

class MemoryUpload implements Upload {
  readonly #key: string;
  readonly #commit: (bytes: Buffer, condition: WriteCondition) => ObjectInfo;
  #chunks: Buffer[] = [];
  #open = true;

  constructor(key: string, commit: (bytes: Buffer, condition: WriteCondition) => ObjectInfo) {
    this.#key = key;
    this.#commit = commit;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#assertOpen('write');
    this.#chunks.push(Buffer.from(chunk));
  }

  async complete(condition: WriteCondition = {}): Promise<ObjectInfo> {
    this.#assertOpen('complete');
    const bytes = Buffer.concat(this.#chunks);
    await this.abort();
    return this.#commit(bytes, condition);
  }

  async abort(): Promise<void> {
    this.#open = false;
    this.#chunks = [];
  }

  #assertOpen(method: string): void {
    if (!this.#open) {
      throw new Error(`${method}() was called on the upload of '${this.#key}' after it had ended`);
    }
  }
}

/** A byte that is neither text nor a valid length, so that reading it fails soon. */
const OVERWRITTEN = 0xdb;

function infoOf(key: string, { bytes, etag, metadata }: StoredObject): ObjectInfo {
  return { key, sizeBytes: bytes.length, etag, metadata };
}
