/**
 * Writes a run. It turns records in ascending order of (partition, key) into blocks, partition by partition.
 *
 * The writer is synchronous, so that map() can spill in the middle of a record. The caller stores the blocks: a spill
 * writes them to a file immediately, and a shuffle object queues them for its upload.
 */
import { copyBytes, equalBytes } from '../base/byte-ranges.ts';
import { MapReduceError } from '../base/errors.ts';
import { VARINT_BYTES_MAX, writeVarint } from '../base/varint.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import type { BlockCompression } from './block.ts';
import { BLOCK_RAW_BYTES_MAX, sealBlock } from './block.ts';

/** The part of a run that holds one partition. Positions are relative to the first block of the run. */
export interface PartitionExtent {
  readonly startBytes: number;
  readonly lengthBytes: number;
  readonly records: number;
}

export class RunWriter {
  /** A block is complete when it has so many bytes of records. */
  readonly blockBytes: number;
  /** A block may have so many, except for one record that is larger. */
  readonly roomBytes: number;
  readonly #compression: BlockCompression;
  readonly #emitBlock: (block: Buffer) => void;
  readonly #extents: PartitionExtent[] = [];
  #raw: Buffer;
  #end = 0;
  #records = 0;
  /** The last key written into the current block, as a range of #raw. */
  #keyStart = 0;
  #keyEnd = -1;
  #bytesWritten = 0;
  #partitionStart = 0;
  #partitionRecords = 0;

  constructor({
    compression,
    blockBytes,
    emitBlock,
  }: {
    compression: BlockCompression;
    blockBytes: number;
    /** Takes ownership of the block. */
    emitBlock: (block: Buffer) => void;
  }) {
    this.#compression = compression;
    this.blockBytes = blockBytes;
    this.roomBytes = blockBytes + 4096;
    this.#emitBlock = emitBlock;
    this.#raw = Buffer.allocUnsafeSlow(this.roomBytes);
  }

  /** The size of all sealed blocks so far. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  append(record: Readonly<RecordSlice>): void {
    const { keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd } = record;
    const keyLength = keyEnd - keyStart;
    const valueLength = valueEnd - valueStart;
    const sizeBytesMax = keyLength + valueLength + 2 * VARINT_BYTES_MAX;
    if (this.#end + sizeBytesMax > this.#raw.length) this.#makeRoom(sizeBytesMax);
    const raw = this.#raw;
    let at = this.#end;
    if (this.#keyEnd >= 0 && equalBytes(raw, this.#keyStart, this.#keyEnd, keyBytes, keyStart, keyEnd)) {
      raw[at++] = 0;
      at = writeVarint(valueLength, raw, at);
    } else {
      if (keyLength < 0x7f && valueLength < 0x80) {
        raw[at] = keyLength + 1;
        raw[at + 1] = valueLength;
        at += 2;
      } else {
        at = writeVarint(keyLength + 1, raw, at);
        at = writeVarint(valueLength, raw, at);
      }
      this.#keyStart = at;
      at = copyBytes(keyBytes, keyStart, keyEnd, raw, at);
      this.#keyEnd = at;
    }
    this.#end = copyBytes(valueBytes, valueStart, valueEnd, raw, at);
    this.#records++;
    if (this.#end >= this.blockBytes) this.#seal();
  }

  /**
   * Appends a whole block: `records` records, encoded as append() does it, in at most `roomBytes`. They are copied. The block
   * that append() is writing ends before it.
   */
  appendBlock(payload: Buffer, records: number): void {
    if (this.#records > 0) this.#seal();
    this.#take(payload, records);
  }

  /** What gatherSingles() may add to the block that append() is writing. */
  get missing(): { readonly blockBytes: number; readonly roomBytes: number } {
    return { blockBytes: this.blockBytes - this.#end, roomBytes: this.#raw.length - this.#end };
  }

  /**
   * Appends `records` records, encoded as append() does it, to the block that append() is writing. They have other keys than the
   * record before and the record after them.
   *
   * @param payload  at most as `missing` says
   */
  appendEncoded(payload: Buffer, records: number): void {
    this.#end += payload.copy(this.#raw, this.#end);
    this.#keyEnd = -1;
    this.#records += records;
    if (this.#end >= this.blockBytes) this.#seal();
  }

  /** Ends the current partition; the next record belongs to the next partition. Called once per partition, in order. */
  endPartition(): void {
    if (this.#records > 0) this.#seal();
    this.#extents.push({
      startBytes: this.#partitionStart,
      lengthBytes: this.#bytesWritten - this.#partitionStart,
      records: this.#partitionRecords,
    });
    this.#partitionStart = this.#bytesWritten;
    this.#partitionRecords = 0;
  }

  /** One extent per call of endPartition(). */
  get extents(): readonly PartitionExtent[] {
    return this.#extents;
  }

  #seal(): void {
    const records = this.#records;
    const payload = this.#raw.subarray(0, this.#end);
    this.#end = 0;
    this.#records = 0;
    this.#keyEnd = -1;
    // A very large record made the buffer grow. Do not keep its memory.
    if (this.#raw.length > 4 * this.blockBytes) this.#raw = Buffer.allocUnsafeSlow(this.roomBytes);
    this.#take(payload, records);
  }

  #take(payload: Buffer, records: number): void {
    const block = sealBlock(payload, records, this.#compression);
    this.#bytesWritten += block.length;
    this.#partitionRecords += records;
    this.#emitBlock(block);
  }

  #makeRoom(sizeBytes: number): void {
    if (sizeBytes > BLOCK_RAW_BYTES_MAX) {
      throw new MapReduceError(
        'RecordTooLargeError',
        `one key and its value take ${sizeBytes} bytes; the maximum is ${BLOCK_RAW_BYTES_MAX}. If a combiner or reducer makes the values grow, change it to keep less, or to emit several smaller values`,
      );
    }
    if (this.#records > 0) this.#seal();
    if (sizeBytes > this.#raw.length) this.#raw = Buffer.allocUnsafeSlow(sizeBytes);
  }
}
