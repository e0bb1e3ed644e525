/**
 * The engine's only access to stored data. Its semantics are those of S3, so that a job which is correct on the memory store
 * is also correct on the file store and on S3:
 *
 *   - objects appear whole or not at all: an upload is invisible until it is completed;
 *   - a read after a completed write sees it;
 *   - with `ifNoneMatch`, exactly one of several writers succeeds (412 for the others);
 *   - with `ifMatch`, a read fails if the object has changed since it was listed (412), and a write fails unless it replaces
 *     the object with that ETag.
 *
 * Every store passes test/storage/object-store-contract.ts.
 *
 * Errors: ObjectNotFoundError (404), PreconditionFailedError (412), DiskFullError, StorageError (may pass; retryable).
 */
export interface ObjectStore {
  /** Used in messages: `file:///data/out`, `s3://bucket`. */
  readonly location: string;

  /** How many reads a caller should start at once now; it may change at any time. Undefined: any number. */
  readonly readsAtOnce?: number | undefined;

  /** The object's size, ETag and metadata; undefined if it does not exist. */
  head(key: string): Promise<ObjectInfo | undefined>;

  /** The whole object, or its half-open byte range [start, end). For objects that fit in a buffer. */
  get(key: string, options?: ReadOptions): Promise<Buffer>;

  /**
   * The same bytes as a stream of chunks of `chunkSizeBytes`; the last may be shorter. A chunk is valid only until the reader
   * requests the next one (stores reuse buffers). The next chunk is read ahead. An early `return()` closes what is open.
   */
  stream(key: string, options?: StreamOptions): AsyncIterableIterator<Buffer>;

  /** Writes an object in one call. */
  put(key: string, body: Uint8Array, options?: WriteOptions): Promise<ObjectInfo>;

  /** Starts an upload whose bytes become visible, all at once, when it is completed. */
  upload(key: string, options?: { metadata?: Metadata }): Promise<Upload>;

  /** Objects whose keys start with the prefix, in ascending byte order of their keys; there may be millions. Without metadata. */
  list(prefix: string): AsyncIterableIterator<ObjectInfo>;

  /** Removes objects. Objects that do not exist count as removed. */
  delete(keys: readonly string[], options?: DeleteOptions): Promise<void>;
}

export interface DeleteOptions {
  /**
   * Asked before a removal is sent again because its answer did not arrive, which may be half a minute later. Meanwhile,
   * another writer may have put an object of its own there. If false, nothing more is removed.
   */
  readonly stillWanted?: () => Promise<boolean>;
}

/** At most 2 KiB in all, as on S3. Names consist of lower-case letters, digits and dashes. */
export type Metadata = Readonly<Record<string, string>>;

export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  /** An opaque text that changes whenever the bytes change. */
  readonly etag: string;
  readonly metadata: Metadata;
}

export interface ReadOptions {
  /** Half-open, in bytes. An end beyond the object means its end. */
  readonly range?: { readonly start: number; readonly end: number };
  /** Fails with PreconditionFailedError unless the object has this ETag. */
  readonly ifMatch?: string;
}

export interface StreamOptions extends ReadOptions {
  /** Default: 256 KiB. */
  readonly chunkSizeBytes?: number;
}

/** At most one of the two may be given. */
export interface WriteCondition {
  /** Fails with PreconditionFailedError if the key already holds an object. */
  readonly ifNoneMatch?: '*';
  /**
   * Fails with PreconditionFailedError unless the key holds an object with this ETag. The file store does not support it,
   * since no portable system call replaces a file conditionally.
   */
  readonly ifMatch?: string;
}

export interface WriteOptions extends WriteCondition {
  readonly metadata?: Metadata;
}

export interface Upload {
  /** Appends bytes. Resolves when the caller may write again (back-pressure); then it may also reuse the buffer. */
  write(chunk: Uint8Array): Promise<void>;
  /** The same for several chunks, on stores where that is cheaper than one after the other. */
  writeAll?(chunks: readonly Uint8Array[]): Promise<void>;
  /**
   * For append-object.ts; only on stores that can copy bytes on their side. `following` is the maximum number of objects
   * appended after this one, by which a store with a bound on the parts of an upload decides whether it can copy each.
   * `onChunk` gets the bytes of an object that is read instead, because it is too small to be copied.
   */
  append?(
    object: ObjectInfo,
    options?: { readonly following?: number; readonly onChunk?: (chunk: Buffer) => void },
  ): Promise<void>;
  /** Makes the object visible. After a PreconditionFailedError the upload is discarded. Called once. */
  complete(condition?: WriteCondition): Promise<ObjectInfo>;
  /** Discards what was written. May be called at any time, also after complete() or a failure. */
  abort(): Promise<void>;
}
