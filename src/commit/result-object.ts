/**
 * Writes the bytes of a result into one object: collects them in memory, counts them and computes their checksum.
 *
 * The caller appends records to `sink` synchronously, and awaits flush() whenever `wantsFlush` is true. A single call
 * of the user's reduce may write more than fits into memory. Bytes beyond LIMITS.partOverflowBytes therefore go to a
 * local file until the next flush. Cost: each byte is checksummed once, and copied only into the sink.
 */
import { crc32 } from 'node:zlib';
import { crc32Text } from '../base/crc32-text.ts';
import { LIMITS } from '../base/limits.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { CommittedObject } from '../storage/committed-object.ts';
import type { Metadata, ObjectStore } from '../storage/object-store.ts';

export interface ResultTotals {
  readonly records: number;
  readonly bytes: number;
  readonly crc32: string;
}

export class ResultObject {
  readonly sink = new GrowableSink(LIMITS.uploadChunkBytes + 64 * 1024);
  readonly #object: CommittedObject;
  #records = 0;
  #bytes = 0;
  #crc = 0;

  constructor(object: {
    store: ObjectStore;
    key: string;
    overflowPath: string;
    uploadMetadata?: Metadata;
  }) {
    this.#object = new CommittedObject(object);
  }

  get records(): number {
    return this.#records;
  }

  /** Whether an upload has started. Its metadata is then fixed, and the object is no longer a single PUT. */
  get isUpload(): boolean {
    return this.#object.isUpload;
  }

  /** Called after each record that was appended to the sink. */
  recordWritten(): void {
    this.#records++;
    if (this.sink.end >= LIMITS.partOverflowBytes) this.#setAside();
  }

  get wantsFlush(): boolean {
    return this.sink.end >= LIMITS.partBufferBytes || this.#object.hasOverflow;
  }

  async flush(): Promise<void> {
    const chunk = this.#counted();
    await this.#object.send([chunk]);
    this.sink.reset();
  }

  /** Called after the last record. Returns the totals, and sends the rest unless the whole object is a single PUT. */
  async end(): Promise<ResultTotals> {
    if (this.isUpload) await this.flush();
    else this.#counted();
    return { records: this.#records, bytes: this.#bytes, crc32: crc32Text(this.#crc) };
  }

  /** Called after end(). Does the same as CommittedObject.commit(). */
  commit(metadata: Metadata): Promise<boolean> {
    return this.#object.commit([this.#gathered()], metadata);
  }

  /** Called after end(). Does the same as CommittedObject.replace(). */
  replace(): Promise<void> {
    return this.#object.replace([this.#gathered()]);
  }

  abort(): Promise<void> {
    return this.#object.abort();
  }

  #gathered(): Buffer {
    return this.sink.bytes.subarray(0, this.sink.end);
  }

  /** Counts and checksums the bytes in the sink, and returns them. The caller then empties the sink. */
  #counted(): Buffer {
    const chunk = this.#gathered();
    this.#crc = crc32(chunk, this.#crc);
    this.#bytes += chunk.length;
    return chunk;
  }

  #setAside(): void {
    this.#object.setAside([this.#counted()]);
    this.sink.reset();
  }
}
