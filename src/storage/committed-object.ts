/**
 * An object that an attempt commits: it appears whole, by one write.
 *
 *     commit() alone               one PUT                                             1 request on S3
 *     send(), ..., commit()        an upload, which commit() completes                 1 if it is small (s3-upload.ts), else more
 *     setAside() before either     a local file, which the next send() or commit() adds to the upload
 *
 * The write is conditional: of several attempts that commit the same object, one succeeds, and the others learn that
 * they lost. The writer decides how much it holds in memory, and calls send() in time. What a synchronous call produces
 * beyond that goes through setAside().
 */
import { isMapReduceError } from '../base/errors.ts';
import type { Metadata, ObjectInfo, ObjectStore, Upload, WriteCondition } from './object-store.ts';
import { OverflowFile } from './overflow-file.ts';

export class CommittedObject {
  readonly #store: ObjectStore;
  readonly #key: string;
  readonly #uploadMetadata: Metadata;
  readonly #overflowPath: string | undefined;
  #upload: Upload | undefined;
  #overflow: OverflowFile | undefined;

  constructor({
    store,
    key,
    overflowPath,
    uploadMetadata = {},
  }: {
    store: ObjectStore;
    key: string;
    /** The path of the local file that setAside() writes. Without one, the caller must send in time. */
    overflowPath?: string | undefined;
    /** The metadata if the object is uploaded. It is fixed when the upload starts. */
    uploadMetadata?: Metadata;
  }) {
    this.#store = store;
    this.#key = key;
    this.#overflowPath = overflowPath;
    this.#uploadMetadata = uploadMetadata;
  }

  /** Whether something has left memory, so that commit() will complete an upload. */
  get isUpload(): boolean {
    return this.#upload !== undefined || this.#overflow !== undefined;
  }

  /** How many requests commit() sends to S3, if none fails: for an upload, usually its last part and its completion. */
  get commitWrites(): number {
    return this.isUpload ? 2 : 1;
  }

  /** Whether bytes that were set aside wait for send(). */
  get hasOverflow(): boolean {
    return this.#overflow !== undefined;
  }

  /** Writes the chunks to the local file, synchronously; then the caller may reuse them. False if there is no such file. */
  setAside(chunks: Iterable<Buffer>): boolean {
    if (this.#overflowPath === undefined) return false;
    this.#overflow ??= new OverflowFile(this.#overflowPath);
    for (const chunk of chunks) this.#overflow.append(chunk);
    return true;
  }

  /** Uploads what was set aside, then the chunks. The caller may reuse them once it resolves. */
  async send(chunks: Iterable<Buffer>): Promise<void> {
    this.#upload ??= await this.#store.upload(this.#key, { metadata: this.#uploadMetadata });
    if (this.#overflow !== undefined) {
      for (const chunk of this.#overflow.chunks()) await this.#upload.write(chunk);
      this.#removeOverflow();
    }
    const filled = [...chunks].filter((chunk) => chunk.length > 0);
    if (this.#upload.writeAll !== undefined && filled.length > 1) await this.#upload.writeAll(filled);
    else for (const chunk of filled) await this.#upload.write(chunk);
  }

  /**
   * Adds the rest, and makes the object visible unless it exists already. Called once.
   *
   * @param metadata  the metadata if the object is not uploaded
   * @returns false if another attempt was first: a normal outcome, after which this attempt does not count
   */
  async commit(rest: readonly Buffer[], metadata: Metadata = {}): Promise<boolean> {
    const body = await this.#bodyOrSend(rest);
    try {
      await this.#write(body, { metadata, condition: { ifNoneMatch: '*' } });
      return true;
    } catch (error) {
      if (isMapReduceError(error, 'PreconditionFailedError')) return false;
      throw error;
    }
  }

  /** The same for an object that only one writer makes, perhaps repeatedly: it replaces an earlier one. */
  async replace(rest: readonly Buffer[]): Promise<ObjectInfo> {
    return await this.#write(await this.#bodyOrSend(rest), { metadata: this.#uploadMetadata, condition: {} });
  }

  /** Discards what was sent and set aside. Safe to call at any time. */
  async abort(): Promise<void> {
    this.#removeOverflow();
    await this.#upload?.abort();
  }

  /** Returns the whole object; undefined if it was sent to an upload. */
  async #bodyOrSend(rest: readonly Buffer[]): Promise<Buffer | undefined> {
    if (!this.isUpload) return rest.length === 1 ? rest[0] : Buffer.concat(rest);
    await this.send(rest);
    return undefined;
  }

  async #write(
    body: Buffer | undefined,
    { metadata, condition }: { metadata: Metadata; condition: WriteCondition },
  ): Promise<ObjectInfo> {
    if (body === undefined) return await this.#upload!.complete(condition);
    return await this.#store.put(this.#key, body, { metadata, ...condition });
  }

  #removeOverflow(): void {
    this.#overflow?.remove();
    this.#overflow = undefined;
  }
}
