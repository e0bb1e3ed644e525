/**
 * Writes a run: records in ascending order of (partition, key) become blocks, partition after partition.
 *
 * The writer is synchronous, so that map() can spill in the middle of a record; where the blocks go is the caller's:
 * straight to a file for a spill, into a queue that an upload drains for a shuffle object.
 */
import { copyBytes, equalBytes } from '../base/byte-ranges.ts';
import { MapReduceError } from '../base/errors.ts';
import { VARINT_BYTES_MAX, writeVarint } from '../base/varint.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import type { BlockCompression } from './block.ts';
import { BLOCK_RAW_BYTES_MAX, sealBlock } from './block.ts';

/** What a run holds of one partition. Byte ranges are relative to the first block of the run. */
export interface PartitionExtent {
  readonly startBytes: number;
  readonly lengthBytes: number;
  readonly records: number;
}

export class RunWriter {
  readonly #compression: BlockCompression;
  readonly #blockBytes: number;
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
    /** Owns the block it is given. */
    emitBlock: (block: Buffer) => void;
  }) {
    this.#compression = compression;
    this.#blockBytes = blockBytes;
    this.#emitBlock = emitBlock;
    this.#raw = Buffer.allocUnsafeSlow(blockBytes + 4096);
  }

  /** Bytes of sealed blocks so far. */
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
    if (this.#end >= this.#blockBytes) this.#seal();
  }

  /** Ends the current partition; the next record belongs to the next one. Called once for each partition, in order. */
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

  /** One extent for each endPartition(). */
  get extents(): readonly PartitionExtent[] {
    return this.#extents;
  }

  #seal(): void {
    const block = sealBlock(this.#raw.subarray(0, this.#end), this.#records, this.#compression);
    this.#bytesWritten += block.length;
    this.#partitionRecords += this.#records;
    this.#end = 0;
    this.#records = 0;
    this.#keyEnd = -1;
    // A giant record made the buffer grow: do not keep it.
    if (this.#raw.length > 4 * this.#blockBytes) this.#raw = Buffer.allocUnsafeSlow(this.#blockBytes + 4096);
    this.#emitBlock(block);
  }

  #makeRoom(sizeBytes: number): void {
    if (sizeBytes > BLOCK_RAW_BYTES_MAX) {
      throw new MapReduceError(
        'RecordTooLargeError',
        `one key and its value take ${sizeBytes} bytes; ${BLOCK_RAW_BYTES_MAX} is the most. Where a combiner or reducer makes values grow, let it keep less, or emit several`,
      );
    }
    if (this.#records > 0) this.#seal();
    if (sizeBytes > this.#raw.length) this.#raw = Buffer.allocUnsafeSlow(sizeBytes);
  }
}
