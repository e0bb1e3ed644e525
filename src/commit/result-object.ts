/**
 * Writes the bytes of a result into one object: collects them in memory, compresses them if the sink says so, counts them
 * and computes their checksum.
 *
 * The caller appends records to `sink` synchronously, and awaits flush() whenever `wantsFlush` is true. A single call
 * of the user's reduce may write more than fits into memory. Bytes beyond LIMITS.partOverflowBytes therefore go to a
 * local file until the next flush. Cost: each byte is checksummed once, and copied only into the sink.
 */
import { crc32 } from 'node:zlib';
import { crc32Text } from '../base/crc32-text.ts';
import { LIMITS } from '../base/limits.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import type { FileCompression } from '../formats/sink.ts';
import { CommittedObject } from '../storage/committed-object.ts';
import type { Metadata, ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import { OverflowFile } from '../storage/overflow-file.ts';
import type { CompressedBlocks } from './compressed-blocks.ts';

export interface ResultTotals {
  readonly records: number;
  /** The stored bytes, compressed if the sink compresses. */
  readonly bytes: number;
  readonly crc32: string;
}

export interface ResultObjectOptions {
  readonly store: ObjectStore;
  readonly key: string;
  readonly overflowPath: string;
  readonly uploadMetadata?: Metadata;
  readonly compression?: FileCompression | undefined;
  /** Whether the object is a file, or a part of one that is to be concatenated with others. Default: true. */
  readonly isFile?: boolean;
  /** Called now and then while much is compressed; may throw. */
  readonly check?: () => void;
  /** The size of the buffer at first. Default: enough for a part that is a single PUT. */
  readonly bufferBytes?: number;
}

export class ResultObject {
  readonly sink: GrowableSink;
  readonly #object: CommittedObject;
  readonly #overflowPath: string;
  readonly #isFile: boolean;
  readonly #check: () => void;
  readonly #compression: FileCompression | undefined;
  #blocks: CompressedBlocks | undefined;
  /** Compressed blocks that have not been sent. */
  #stored: Buffer[] = [];
  #storedBytes = 0;
  /** Bytes that are still to be compressed. */
  #plainOverflow: OverflowFile | undefined;
  #records = 0;
  /** Bytes that have left the sink, before compression. */
  #flushedBytes = 0;
  #bytes = 0;
  #crc = 0;

  constructor({
    compression,
    isFile = true,
    check = () => {},
    bufferBytes = LIMITS.uploadChunkBytes + 64 * 1024,
    ...object
  }: ResultObjectOptions) {
    this.sink = new GrowableSink(bufferBytes);
    this.#check = check;
    this.#object = new CommittedObject(object);
    this.#overflowPath = object.overflowPath;
    this.#isFile = isFile;
    this.#compression = compression;
  }

  /** The bytes so far, before compression. */
  get plainBytes(): number {
    return this.#flushedBytes + this.sink.end;
  }

  get records(): number {
    return this.#records;
  }

  /** Whether an upload has started. Its metadata is then fixed, and the object is no longer a single PUT. */
  get isUpload(): boolean {
    return this.#object.isUpload;
  }

  /** See CommittedObject.commitWrites. */
  get commitWrites(): number {
    return this.#object.commitWrites;
  }

  /** Called after each record that was appended to the sink, or after several. */
  recordsWritten(records: number): void {
    this.#records += records;
    if (this.sink.end >= LIMITS.partOverflowBytes) this.#setAside();
  }

  get wantsFlush(): boolean {
    return (
      this.sink.end >= LIMITS.partBufferBytes || this.#object.hasOverflow || this.#plainOverflow !== undefined
    );
  }

  async flush(): Promise<void> {
    if (this.#compression === undefined) await this.#object.send([this.#counted(this.#gathered())]);
    else await this.#compressGathered(await this.#openBlocks(this.#compression));
    this.#reset();
  }

  /** Called after the last record. Returns the totals, and sends the rest unless the whole object is a single PUT. */
  async end(): Promise<ResultTotals> {
    if (this.#compression !== undefined) {
      await this.flush();
      await this.#blocks!.end({ isFile: this.#isFile });
      if (this.isUpload) await this.#sendStored();
    } else if (this.isUpload) await this.flush();
    else this.#counted(this.#gathered());
    return { records: this.#records, bytes: this.#bytes, crc32: crc32Text(this.#crc) };
  }

  /** Called after end(). Does the same as CommittedObject.commit(). */
  commit(metadata: Metadata): Promise<boolean> {
    return this.#object.commit(this.#rest(), metadata);
  }

  /** Called after end(). Does the same as CommittedObject.replace(). */
  replace(): Promise<ObjectInfo> {
    return this.#object.replace(this.#rest());
  }

  async abort(): Promise<void> {
    this.#plainOverflow?.remove();
    this.#plainOverflow = undefined;
    await this.#object.abort();
  }

  #rest(): readonly Buffer[] {
    return this.#compression === undefined ? [this.#gathered()] : this.#stored;
  }

  #gathered(): Buffer {
    return this.sink.bytes.subarray(0, this.sink.end);
  }

  /** Counts and checksums bytes of the object, and returns them. */
  #counted(chunk: Buffer): Buffer {
    this.#crc = crc32(chunk, this.#crc);
    this.#bytes += chunk.length;
    return chunk;
  }

  /** Few jobs compress their result, so the module is loaded for them only. */
  async #openBlocks(compression: FileCompression): Promise<CompressedBlocks> {
    const { CompressedBlocks } = await import('./compressed-blocks.ts');
    this.#blocks ??= new CompressedBlocks(compression, (block) => this.#takeBlock(block));
    return this.#blocks;
  }

  async #compressGathered(blocks: CompressedBlocks): Promise<void> {
    if (this.#plainOverflow !== undefined) {
      for (const chunk of this.#plainOverflow.chunks()) {
        this.#check();
        await blocks.write(chunk);
      }
      this.#plainOverflow.remove();
      this.#plainOverflow = undefined;
    }
    await blocks.write(this.#gathered());
  }

  async #takeBlock(block: Buffer): Promise<void> {
    this.#stored.push(this.#counted(block));
    this.#storedBytes += block.length;
    if (this.#storedBytes > LIMITS.partBufferBytes) await this.#sendStored();
  }

  async #sendStored(): Promise<void> {
    await this.#object.send(this.#stored);
    this.#stored = [];
    this.#storedBytes = 0;
  }

  #setAside(): void {
    if (this.#compression === undefined) this.#object.setAside([this.#counted(this.#gathered())]);
    else {
      this.#plainOverflow ??= new OverflowFile(this.#overflowPath);
      this.#plainOverflow.append(this.#gathered());
    }
    this.#reset();
  }

  #reset(): void {
    this.#flushedBytes += this.sink.end;
    this.sink.reset();
  }
}
