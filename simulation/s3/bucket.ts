/** The objects and unfinished uploads of a bucket. Every operation takes effect at once; service.ts decides when. */
import { compareUtf8 } from '../../src/base/utf8-order.ts';
import { S3_PART_BYTES_MIN } from '../../src/storage/s3/s3-limits.ts';
import { answers } from './errors.ts';
import { concatenated, type StoredBytes } from './stored-bytes.ts';

export interface StoredObject {
  readonly bytes: StoredBytes;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of this version of the object, in the order of writes to the bucket. */
  readonly sequencer: string;
}

export interface Condition {
  readonly ifNoneMatch: string | undefined;
  readonly ifMatch: string | undefined;
}

interface Upload {
  readonly key: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly parts: Map<number, StoredBytes>;
}

export class Bucket {
  readonly name: string;
  readonly #objects = new Map<string, StoredObject>();
  /** In the order of their UTF-8 bytes. */
  readonly #keys: string[] = [];
  readonly #uploads = new Map<string, Upload>();
  #writes = 0;
  #uploadsStarted = 0;
  readonly #onCreated: (key: string, object: StoredObject) => void;
  /** What the next object of a key holds, instead of what is written. */
  readonly #contents = new Map<string, StoredBytes>();

  /** @param onCreated  called after each write of an object */
  constructor(name: string, onCreated: (key: string, object: StoredObject) => void = () => {}) {
    this.name = name;
    this.#onCreated = onCreated;
  }

  /** Uploads that were neither completed nor aborted. */
  get openUploads(): number {
    return this.#uploads.size;
  }

  get keys(): readonly string[] {
    return this.#keys;
  }

  find(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  /** Throws NoSuchKey, or PreconditionFailed. */
  get(key: string, ifMatch?: string): StoredObject {
    const object = this.#objects.get(key);
    if (object === undefined) throw answers.noSuchKey;
    if (ifMatch !== undefined && ifMatch !== object.etag) throw answers.preconditionFailed;
    return object;
  }

  put(
    key: string,
    bytes: StoredBytes,
    { metadata = {}, condition }: { metadata?: Readonly<Record<string, string>>; condition?: Condition } = {},
  ): StoredObject {
    if (condition !== undefined) this.#check(key, condition);
    const etag = `"${bytes.checksum.toString(16)}-${bytes.sizeBytes}"`;
    return this.#store(key, { bytes, etag, metadata, sequencer: this.#nextSequencer() });
  }

  /**
   * The next object of this key holds these bytes instead of those that are written to it: for a writer that sends only
   * as many bytes.
   */
  willHold(key: string, bytes: StoredBytes): void {
    this.#contents.set(key, bytes);
  }

  createUpload(key: string, metadata: Readonly<Record<string, string>>): string {
    const id = `upload-${++this.#uploadsStarted}`;
    this.#uploads.set(id, { key, metadata, parts: new Map() });
    return id;
  }

  putPart(uploadId: string, partNumber: number, bytes: StoredBytes): string {
    this.#upload(uploadId).parts.set(partNumber, bytes);
    return `"${bytes.checksum.toString(16)}"`;
  }

  /** S3 forgets a completed upload. */
  complete(uploadId: string, partNumbers: readonly number[], condition: Condition): StoredObject {
    const { key, metadata, parts } = this.#upload(uploadId);
    this.#check(key, condition);
    const listed = partNumbers.map((number) => {
      const part = parts.get(number);
      if (part === undefined) throw answers.invalidPart;
      return part;
    });
    if (listed.slice(0, -1).some(({ sizeBytes }) => sizeBytes < S3_PART_BYTES_MIN)) {
      throw answers.entityTooSmall;
    }
    this.#uploads.delete(uploadId);
    const bytes = concatenated(listed);
    const etag = `"${bytes.checksum.toString(16)}-${listed.length}"`;
    return this.#store(key, { bytes, etag, metadata, sequencer: this.#nextSequencer() });
  }

  abortUpload(uploadId: string): void {
    this.#upload(uploadId);
    this.#uploads.delete(uploadId);
  }

  /** Keys after `after` that start with the prefix. */
  list(prefix: string, { after = '', keysMax }: { after?: string; keysMax: number }): string[] {
    const from = compareUtf8(after, prefix) < 0 ? prefix : after;
    const start = this.#indexOf(from) + (from === after && this.#objects.has(after) ? 1 : 0);
    const found: string[] = [];
    for (let at = start; at < this.#keys.length && found.length < keysMax; at++) {
      const key = this.#keys[at]!;
      if (!key.startsWith(prefix)) break;
      found.push(key);
    }
    return found;
  }

  delete(key: string): void {
    if (!this.#objects.delete(key)) return;
    this.#keys.splice(this.#indexOf(key), 1);
  }

  #store(key: string, written: StoredObject): StoredObject {
    const bytes = this.#contents.get(key);
    if (bytes !== undefined && bytes.sizeBytes !== written.bytes.sizeBytes) {
      throw new Error(
        `${key} was to have ${bytes.sizeBytes} bytes, and ${written.bytes.sizeBytes} were written`,
      );
    }
    const object = bytes === undefined ? written : { ...written, bytes };
    if (!this.#objects.has(key)) this.#keys.splice(this.#indexOf(key), 0, key);
    this.#objects.set(key, object);
    this.#onCreated(key, object);
    return object;
  }

  #check(key: string, { ifNoneMatch, ifMatch }: Condition): void {
    const object = this.#objects.get(key);
    if (ifNoneMatch === '*' && object !== undefined) throw answers.preconditionFailed;
    if (ifMatch === undefined) return;
    if (object === undefined) throw answers.noSuchKey;
    if (ifMatch !== object.etag) throw answers.preconditionFailed;
  }

  #upload(uploadId: string): Upload {
    const upload = this.#uploads.get(uploadId);
    if (upload === undefined) throw answers.noSuchUpload;
    return upload;
  }

  #nextSequencer(): string {
    return (++this.#writes).toString(16).padStart(16, '0');
  }

  /** The place of the first key that is not before `key`. */
  #indexOf(key: string): number {
    let low = 0;
    for (let high = this.#keys.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (compareUtf8(this.#keys[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
