/**
 * Reads records of a fixed number of bytes, without separators: record i starts at byte i * n, so a file may be cut anywhere.
 *
 *     chunks     ....|--------------------------|--------------------------|
 *     block      |r0|r1|r2|...|rk|  <- copied here; the views of its records are created once and used again
 *
 * A view per record would cost more than the rest of the loop together. Copying a block into memory that has views
 * already is one call for many records, and also joins the records that cross chunks.
 */
import { MapReduceError } from '../../base/errors.ts';
import { KiB } from '../../base/limits.ts';
import type { RecordParser } from '../byte-ranges.ts';
import type { OpenPiece } from '../source.ts';

/** Small enough for the processor's cache. */
const BLOCK_BYTES = 64 * KiB;
const VIEWS_MAX = 1024;

export class FixedLengthParser implements RecordParser<Buffer> {
  ownedBytes = 0;

  readonly #piece: OpenPiece;
  readonly #recordBytes: number;
  /** Where the piece's next block starts in the file: always a multiple of recordBytes. */
  #blockOffset: number;
  /** How many bytes of the fed chunks come before the first record of the piece. */
  #skipBytes: number;
  /** Created with the first record, so that a piece in which no record starts costs nothing. */
  #block: Buffer | undefined;
  #views: Buffer[] = [];
  #filled = 0;
  /** The record of the block that is being delivered. */
  #current = 0;

  constructor(piece: OpenPiece, recordBytes: number) {
    this.#piece = piece;
    this.#recordBytes = recordBytes;
    this.#blockOffset = Math.ceil(piece.startBytes / recordBytes) * recordBytes;
    this.#skipBytes = this.#blockOffset - Math.max(0, piece.startBytes - 1);
  }

  push(chunk: Buffer, deliver: (record: Buffer) => void): boolean {
    if (this.#blockOffset >= this.#piece.endBytes) return true;
    let at = Math.min(this.#skipBytes, chunk.length);
    this.#skipBytes -= at;
    while (at < chunk.length) {
      const block = this.#block ?? this.#createBlock();
      const taken = chunk.copy(block, this.#filled, at);
      at += taken;
      this.#filled += taken;
      if (this.#filled >= this.#recordBytes && this.#deliverWhole(block, deliver)) return true;
    }
    return false;
  }

  finish(_deliver: (record: Buffer) => void): void {
    const rest = this.#filled;
    if (rest === 0) return;
    this.#current = 0;
    this.#filled = 0;
    this.#piece.bad({
      message: `the file ends inside a record: its last ${rest} bytes are not a record of ${this.#recordBytes} bytes. Check that the file is complete, and that its records have ${this.#recordBytes} bytes`,
      offset: this.#blockOffset,
    });
    this.#blockOffset += rest;
    this.ownedBytes += rest;
  }

  recordOffsetBytes(): number {
    return this.#blockOffset + this.#current * this.#recordBytes;
  }

  /** Delivers the block's whole records and moves what follows to its start. Returns whether the piece is complete. */
  #deliverWhole(block: Buffer, deliver: (record: Buffer) => void): boolean {
    const recordBytes = this.#recordBytes;
    const views = this.#views;
    const inPiece = Math.ceil((this.#piece.endBytes - this.#blockOffset) / recordBytes);
    const records = Math.min(Math.floor(this.#filled / recordBytes), inPiece);
    for (let index = 0; index < records; index++) {
      this.#current = index;
      deliver(views[index]!);
    }
    const bytes = records * recordBytes;
    this.ownedBytes += bytes;
    this.#blockOffset += bytes;
    this.#current = 0;
    if (records === inPiece) {
      this.#filled = 0;
      return true;
    }
    block.copyWithin(0, bytes, this.#filled);
    this.#filled -= bytes;
    return false;
  }

  #createBlock(): Buffer {
    const recordBytes = this.#recordBytes;
    if (recordBytes > this.#piece.recordBytesMax) {
      throw new MapReduceError(
        'RecordTooLargeError',
        `the record that starts at byte ${this.#blockOffset} has ${recordBytes} bytes, as fixedLength(${recordBytes}) says; the maximum for one record is ${this.#piece.recordBytesMax} bytes.`,
        { details: { offsetBytes: this.#blockOffset } },
      );
    }
    const records = Math.min(VIEWS_MAX, Math.max(1, Math.floor(BLOCK_BYTES / recordBytes)));
    const block = Buffer.allocUnsafeSlow(records * recordBytes);
    for (let index = 0; index < records; index++) {
      this.#views.push(block.subarray(index * recordBytes, (index + 1) * recordBytes));
    }
    this.#block = block;
    return block;
  }
}
