/**
 * Cuts the bytes of a piece into blocks of whole lines, for formats whose records are lines. Decoding costs almost nothing
 * when a block is decoded as a whole; each line is then a slice that shares the block's characters.
 *
 *     bytes fed      ...a\n|line one\nline two\nli|ne three\n...
 *                          |      a block       |^ carried as bytes until its newline arrives
 *
 * The rules, which hold for every cut of a file into pieces:
 *
 *   - A line belongs to the piece in which its first byte lies. A piece that starts inside a line skips to the next.
 *   - '\n' ends a line.
 *   - The last line needs no newline. There is no line after the last newline.
 */
import { MapReduceError } from '../base/errors.ts';
import { KiB } from '../base/limits.ts';
import type { RecordParser } from './byte-ranges.ts';

/** The piece of a file that a parser of lines reads. `endBytes` is Infinity for "to the end of the file". */
export interface LinesPiece {
  readonly startBytes: number;
  readonly endBytes: number;
  readonly recordBytesMax: number;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/**
 * How many bytes are decoded at once. V8 puts a string of 128 KiB or more into its large-object space, with one mapping
 * each, which nearly halves the speed of a parser (measured: 2.3 GB/s at 64 KiB, 1.3 at 256 KiB). A string with characters
 * beyond Latin-1 takes two bytes per character.
 */
const BLOCK_BYTES = 48 * KiB;
const NO_BYTES = Buffer.alloc(0);

/** A push parser whose subclass delivers the records of one block of whole lines. */
export abstract class LineBlocks<R> implements RecordParser<R> {
  ownedBytes = 0;
  /** Lines of the current block so far, the current one included. The subclass counts them. */
  protected linesSeen = 0;

  readonly #piece: LinesPiece;
  /** The offset in the file of the next chunk's first byte. */
  #chunkOffset: number;
  /** Whether the newline before the piece's first line has not been found yet. */
  #skipping: boolean;
  #complete: boolean;
  /** The start of a line whose newline has not arrived. It is joined once, so a line of n chunks costs O(n). */
  #carried: Buffer[] = [];
  #carriedBytes = 0;

  // State of recordOffsetBytes(). The hot loop only updates one count.
  #block: Buffer = NO_BYTES;
  #blockOffset = 0;
  #linesBefore = 0;
  /** The last result of recordOffsetBytes(): line `foundLine` (counted from 1) starts at `foundAt` in the block. */
  #foundLine = 1;
  #foundAt = 0;

  constructor(piece: LinesPiece) {
    this.#piece = piece;
    this.#chunkOffset = Math.max(0, piece.startBytes - 1);
    this.#skipping = piece.startBytes > 0;
    this.#complete = piece.startBytes >= piece.endBytes;
  }

  /**
   * Delivers the records of a block of whole lines, and sets `linesSeen` to the number of the current line before each. Only
   * the last line of the file may lack its newline. The block is valid during the call.
   */
  protected abstract deliverBlock(block: Buffer, blockOffset: number, deliver: (record: R) => void): void;

  /** The first line end after `at`: the offset just after a newline; 0 if there is none. */
  protected lineEndAfter(bytes: Buffer, at: number): number {
    return bytes.indexOf(NEWLINE, at) + 1;
  }

  /** The last line end at or before `at`; 0 if there is none. */
  protected lineEndBefore(bytes: Buffer, at: number): number {
    return at === 0 ? 0 : bytes.lastIndexOf(NEWLINE, at - 1) + 1;
  }

  /** Where the text of the line [from, end) ends: before '\n' or '\r\n', if it has them. */
  protected textEnd(bytes: Buffer, [from, end]: readonly [from: number, end: number]): number {
    if (bytes[end - 1] !== NEWLINE) return end;
    return end - 1 > from && bytes[end - 2] === CARRIAGE_RETURN ? end - 2 : end - 1;
  }

  push(chunk: Buffer, deliver: (record: R) => void): boolean {
    if (this.#complete) return true;
    const chunkOffset = this.#chunkOffset;
    this.#chunkOffset += chunk.length;
    const { endBytes } = this.#piece;
    let from = 0;

    if (this.#skipping) {
      from = this.lineEndAfter(chunk, 0);
      const lineMayStartAt = from > 0 ? chunkOffset + from : this.#chunkOffset + 1;
      if (lineMayStartAt >= endBytes) {
        this.#complete = true;
        return true;
      }
      if (from === 0) return false;
      this.#skipping = false;
    }

    // The newline that ends the piece's last line is the first one at or after endBytes - 1.
    const lastAt = endBytes - 1 - chunkOffset;
    const lastEnd = lastAt < chunk.length ? this.lineEndAfter(chunk, Math.max(lastAt, from)) : 0;
    this.#complete = lastEnd > 0;
    const end = lastEnd > 0 ? lastEnd : this.lineEndBefore(chunk, chunk.length);
    this.#deliverUpTo(chunk, chunkOffset, from, end, deliver);
    return this.#complete;
  }

  finish(deliver: (record: R) => void): void {
    if (this.#complete) return;
    this.#complete = true;
    if (this.#carriedBytes > 0) {
      const line = this.#takeCarried(NO_BYTES);
      this.#deliver(line, this.#chunkOffset - line.length, deliver);
    }
  }

  /** Where the current line starts. */
  recordOffsetBytes(): number {
    while (this.#foundLine < this.linesSeen) {
      this.#foundAt = this.lineEndAfter(this.#block, this.#foundAt);
      this.#foundLine += 1;
    }
    return this.#blockOffset + this.#foundAt;
  }

  /** The number of the current line in the file, from 1; undefined if the piece starts inside the file. */
  protected lineNumber(): number | undefined {
    return this.#piece.startBytes === 0 ? this.#linesBefore + this.linesSeen : undefined;
  }

  /** Delivers the chunk's lines in [from, end), and carries what follows. `end` is 0 or just after a newline. */
  #deliverUpTo(
    chunk: Buffer,
    chunkOffset: number,
    from: number,
    end: number,
    deliver: (record: R) => void,
  ): void {
    let start = from;
    if (this.#carriedBytes > 0 && end > 0) {
      start = this.lineEndAfter(chunk, 0);
      const line = this.#takeCarried(chunk.subarray(0, start));
      this.#deliver(line, chunkOffset + start - line.length, deliver);
    }
    while (start < end) {
      const blockEnd = this.#blockEnd(chunk, start, end);
      this.#deliver(chunk.subarray(start, blockEnd), chunkOffset + start, deliver);
      start = blockEnd;
    }
    if (!this.#complete && start < chunk.length) this.#carry(chunk.subarray(start), this.#chunkOffset);
  }

  #deliver(block: Buffer, blockOffset: number, deliver: (record: R) => void): void {
    this.#block = block;
    this.#blockOffset = blockOffset;
    this.#linesBefore += this.linesSeen;
    this.linesSeen = 0;
    this.#foundLine = 1;
    this.#foundAt = 0;
    if (block.length > this.#piece.recordBytesMax) this.#assertLinesFit(block, blockOffset);
    this.deliverBlock(block, blockOffset, deliver);
    this.ownedBytes += block.length;
    this.#block = NO_BYTES;
  }

  /** The last line end within the next BLOCK_BYTES, or the first line end if a line is longer. */
  #blockEnd(chunk: Buffer, start: number, end: number): number {
    if (end - start <= BLOCK_BYTES) return end;
    const last = this.lineEndBefore(chunk, start + BLOCK_BYTES);
    return last > start ? last : this.lineEndAfter(chunk, start + BLOCK_BYTES);
  }

  #carry(bytes: Buffer, endOffset: number): void {
    this.#carried.push(Buffer.from(bytes));
    this.#carriedBytes += bytes.length;
    // Up to two bytes beyond the bound may be the '\r' of a line end.
    if (this.#carriedBytes > this.#piece.recordBytesMax + 2) {
      throw this.#lineTooLarge(endOffset - this.#carriedBytes);
    }
  }

  #takeCarried(tail: Buffer): Buffer {
    this.#carried.push(tail);
    const line = Buffer.concat(this.#carried);
    this.#carried = [];
    this.#carriedBytes = 0;
    return line;
  }

  #assertLinesFit(block: Buffer, blockOffset: number): void {
    for (let from = 0; from < block.length; ) {
      const end = this.lineEndAfter(block, from) || block.length;
      const textBytes = this.textEnd(block, [from, end]) - from;
      if (textBytes > this.#piece.recordBytesMax) throw this.#lineTooLarge(blockOffset + from);
      from = end;
    }
  }

  #lineTooLarge(offsetBytes: number): MapReduceError {
    return new MapReduceError(
      'RecordTooLargeError',
      `the line that starts at byte ${offsetBytes} is longer than ${this.#piece.recordBytesMax} bytes, the maximum for one record. Split it before the job runs, or, if the input is not lines of text, choose an input format that fits it.`,
      { details: { offsetBytes } },
    );
  }
}

/** The length of a UTF-8 byte order mark at the start of the bytes: 3 or 0. */
export function byteOrderMarkBytes(bytes: Buffer): number {
  return bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}
