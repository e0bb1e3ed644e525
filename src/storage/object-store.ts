/**
 * The one way in which the engine touches stored data. Its semantics are S3's, so that a job which is correct on
 * the memory store is correct on the file store and on S3:
 *
 *   - objects appear whole or not at all: nobody sees an upload before it is completed;
 *   - a read after a completed write sees it;
 *   - `ifNoneMatch` makes a write succeed for exactly one of several writers (412 for the others);
 *   - `ifMatch` makes a read fail when the object is not the one that was listed (412), and a write unless it replaces
 *     the object that has that ETag.
 *
 * Every store passes test/storage/object-store-contract.ts.
 *
 * Errors: ObjectNotFoundError (404), PreconditionFailedError (412), DiskFullError, StorageError (may pass; retryable).
 */
export interface ObjectStore {
  /** For messages: `file:///data/out`, `s3://bucket`. */
  readonly location: string;

  /** The object's size, ETag and metadata; undefined where there is none. */
  head(key: string): Promise<ObjectInfo | undefined>;

  /** The whole object, or the half-open byte range [start, end) of it. For objects that fit a buffer. */
  get(key: string, options?: ReadOptions): Promise<Buffer>;

  /**
   * The same bytes as a stream of chunks. A chunk is the reader's to keep only until it asks for the next one
   * (stores reuse buffers), and is `chunkSizeBytes` long but for the last. The next chunk is read ahead.
   * Early `return()` closes what is open.
   */
  stream(key: string, options?: StreamOptions): AsyncIterableIterator<Buffer>;

  /** Writes an object in one call. */
  put(key: string, body: Uint8Array, options?: WriteOptions): Promise<ObjectInfo>;

  /** Starts an upload whose bytes become visible, all at once, when it is completed. */
  upload(key: string, options?: { metadata?: Metadata }): Promise<Upload>;

  /** Objects whose keys start with the prefix, in ascending byte order of their keys. Millions are fine. Metadata is not filled in. */
  list(prefix: string): AsyncIterableIterator<ObjectInfo>;

  /** Removes objects; those that are not there count as removed. */
  delete(keys: readonly string[]): Promise<void>;
}

/** Small: the engine stays under S3's 2 KiB in all. Names are lower-case letters, digits and dashes. */
export type Metadata = Readonly<Record<string, string>>;

export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  /** Changes whenever the bytes change. Opaque. */
  readonly etag: string;
  readonly metadata: Metadata;
}

export interface ReadOptions {
  /** Half-open, in bytes. An end beyond the object is cut to its size. */
  readonly range?: { readonly start: number; readonly end: number };
  /** Fails with PreconditionFailedError unless the object has this ETag. */
  readonly ifMatch?: string;
}

export interface StreamOptions extends ReadOptions {
  /** Default 256 KiB. */
  readonly chunkSizeBytes?: number;
}

/** At most one of the two. */
export interface WriteCondition {
  /** Fails with PreconditionFailedError if the key already holds an object. */
  readonly ifNoneMatch?: '*';
  /**
   * Fails with PreconditionFailedError unless the key holds an object with this ETag. Not on files: no portable call
   * replaces a file on a condition, so the file store refuses it.
   */
  readonly ifMatch?: string;
}

export interface WriteOptions extends WriteCondition {
  readonly metadata?: Metadata;
}

export interface Upload {
  /**
   * Appends bytes; resolves when the caller may write again (back-pressure). The buffer is the caller's again
   * once the promise resolves.
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * For append-object.ts: there where the store can copy bytes without their passing through here. `following` is how
   * many objects at most will be appended after this one; a store that takes so many parts of an upload and no more can
   * then tell whether it may copy each.
   */
  append?(object: ObjectInfo, options?: { readonly following?: number }): Promise<void>;
  /** Makes the object visible. After a PreconditionFailedError the upload is discarded. Called once. */
  complete(condition?: WriteCondition): Promise<ObjectInfo>;
  /** Discards what was written. Safe to call at any time, also after complete() or a failure. */
  abort(): Promise<void>;
}
