/**
 * An object that appears whole, by one write: what an attempt commits.
 *
 *     commit() alone               one PUT                                             1 request on S3
 *     send(), ..., commit()        an upload, which commit() completes                 1 below 8 MiB (s3-upload.ts), else more
 *     setAside() before either     a local file, which the next send() or commit() puts into the upload
 *
 * The write is conditional: of several attempts that commit the same object one succeeds, and the others learn of it.
 * The writer decides what it holds in memory, and calls send() in time; what a synchronous call produces beyond that
 * goes through setAside().
 */
import { isMapReduceError } from '../base/errors.ts';
import type { Metadata, ObjectStore, Upload, WriteCondition } from './object-store.ts';
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
    /** Of the local file that setAside() writes. Without one, the caller sends in time. */
    overflowPath?: string | undefined;
    /** Of an object that is uploaded: it is fixed when the upload starts. */
    uploadMetadata?: Metadata;
  }) {
    this.#store = store;
    this.#key = key;
    this.#overflowPath = overflowPath;
    this.#uploadMetadata = uploadMetadata;
  }

  /** Something has left memory, so that commit() will complete an upload. */
  get isUpload(): boolean {
    return this.#upload !== undefined || this.#overflow !== undefined;
  }

  /** What was set aside waits for send(). */
  get hasOverflow(): boolean {
    return this.#overflow !== undefined;
  }

  /** Writes the chunks to the local file, synchronously; then they are the caller's again. False where there is none. */
  setAside(chunks: Iterable<Buffer>): boolean {
    if (this.#overflowPath === undefined) return false;
    this.#overflow ??= new OverflowFile(this.#overflowPath);
    for (const chunk of chunks) this.#overflow.append(chunk);
    return true;
  }

  /** Uploads what was set aside, then the chunks, which are the caller's again once it resolves. */
  async send(chunks: Iterable<Buffer>): Promise<void> {
    this.#upload ??= await this.#store.upload(this.#key, { metadata: this.#uploadMetadata });
    if (this.#overflow !== undefined) {
      for (const chunk of this.#overflow.chunks()) await this.#upload.write(chunk);
      this.#removeOverflow();
    }
    for (const chunk of chunks) if (chunk.length > 0) await this.#upload.write(chunk);
  }

  /**
   * Adds the rest, and makes the object visible unless there is one already. Called once.
   *
   * @param metadata  of an object that is not uploaded
   * @returns false when another attempt was first: a normal outcome, after which nothing of this one counts
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

  /** The same for an object that only one writer makes, perhaps repeatedly: it replaces the one before. */
  async replace(rest: readonly Buffer[]): Promise<void> {
    await this.#write(await this.#bodyOrSend(rest), { metadata: this.#uploadMetadata, condition: {} });
  }

  /** Discards what was sent and set aside. Safe to call at any time. */
  async abort(): Promise<void> {
    this.#removeOverflow();
    await this.#upload?.abort();
  }

  /** The whole object; undefined where an upload has it. */
  async #bodyOrSend(rest: readonly Buffer[]): Promise<Buffer | undefined> {
    if (!this.isUpload) return rest.length === 1 ? rest[0] : Buffer.concat(rest);
    await this.send(rest);
    return undefined;
  }

  async #write(
    body: Buffer | undefined,
    { metadata, condition }: { metadata: Metadata; condition: WriteCondition },
  ): Promise<void> {
    if (body === undefined) await this.#upload?.complete(condition);
    else await this.#store.put(this.#key, body, { metadata, ...condition });
  }

  #removeOverflow(): void {
    this.#overflow?.remove();
    this.#overflow = undefined;
  }
}
