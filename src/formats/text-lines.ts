/**
 * Lines of text: the input of most jobs, and the hottest loop of all. Decoding is close to free when a chunk is cut
 * at line ends into blocks and each is decoded whole; one slice per line then shares the block's characters.
 *
 *     bytes fed      ...a\n|line one\nline two\nli|ne three\n...
 *                          |      a block       |^ carried as bytes until its newline comes
 *
 * The rules, which hold for every cut of a file into pieces:
 *
 *   - A line belongs to the piece in which its first byte lies. A piece that starts inside a line skips to the next.
 *   - '\n' ends a line. A '\r' right before it is dropped; any other '\r' is data, also at the end of the file.
 *   - The last line needs no newline. An empty line is a record; the nothing behind the last newline is not.
 *   - A UTF-8 byte order mark at byte 0 is not part of the first line's text, but is of its bytes.
 *   - Bytes that are not UTF-8 become U+FFFD. With `encoding: 'latin1'` each byte becomes one character, the byte
 *     order mark's too, so that nothing is lost.
 *
 * A line shares memory with its decoded block (48 KiB): a job that keeps few lines of many blocks for long should copy
 * what it keeps.
 */
import { isAscii } from 'node:buffer';
import { MapReduceError } from '../base/errors.ts';
import { KiB } from '../base/limits.ts';
import type { InputFormat, ParserPiece, RecordParser } from './input-format.ts';

export interface TextLinesOptions {
  /** Default 'utf8'. 'latin1' keeps every byte as the character of the same number. */
  readonly encoding?: 'utf8' | 'latin1';
}

/**
 * One record per line, as a string without its line end.
 *
 * @example textLines()
 * @example textLines({ encoding: 'latin1' })
 */
export function textLines({ encoding = 'utf8' }: TextLinesOptions = {}): InputFormat<string> {
  if (encoding !== 'utf8' && encoding !== 'latin1') {
    throw new MapReduceError(
      'JobDefinitionError',
      `textLines() got encoding ${JSON.stringify(encoding)}; it can be 'utf8' or 'latin1'. Convert other encodings first, for example with iconv.`,
    );
  }
  return {
    name: `text-lines(${encoding})`,
    splittable: true,
    isText: true,
    createParser: (piece) => new TextLinesParser(piece, encoding),
  };
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/**
 * Decoded at once. V8 puts a string of 128 KiB and more into its large-object space, one mapping each, which nearly
 * halves the speed of the whole parser (measured: 2.3 GB/s at 64 KiB, 1.3 at 256 KiB); a two-byte string takes
 * twice its characters.
 */
const BLOCK_BYTES = 48 * KiB;
const NO_BYTES = Buffer.alloc(0);

class TextLinesParser implements RecordParser<string> {
  ownedBytes = 0;

  private readonly piece: ParserPiece;
  private readonly latin1: boolean;
  /** In the file, of the next chunk's first byte. */
  private chunkOffset: number;
  /** Looking for the newline before the piece's first line. */
  private skipping: boolean;
  private complete: boolean;
  /** The start of a line whose newline has not come: joined once, so that a line of n chunks costs O(n). */
  private carried: Buffer[] = [];
  private carriedBytes = 0;

  // What recordOffsetBytes() needs, and all that the hot loop keeps up to date is one count.
  /** The bytes being delivered: `linesDelivered` of their lines are, the current one included. */
  private block: Buffer = NO_BYTES;
  private blockOffset = 0;
  private linesDelivered = 0;
  /** The last answer: line `foundLine` (counted from 1) starts at `foundAt` in the block. */
  private foundLine = 1;
  private foundAt = 0;

  constructor(piece: ParserPiece, encoding: 'utf8' | 'latin1') {
    this.piece = piece;
    this.latin1 = encoding === 'latin1';
    this.chunkOffset = Math.max(0, piece.startBytes - 1);
    this.skipping = piece.startBytes > 0;
    this.complete = piece.startBytes >= piece.endBytes;
  }

  push(chunk: Buffer, deliver: (line: string) => void): boolean {
    if (this.complete) return true;
    const chunkOffset = this.chunkOffset;
    this.chunkOffset += chunk.length;
    const { endBytes } = this.piece;
    let from = 0;

    if (this.skipping) {
      from = chunk.indexOf(NEWLINE) + 1;
      const lineMayStartAt = from > 0 ? chunkOffset + from : this.chunkOffset + 1;
      if (lineMayStartAt >= endBytes) {
        this.complete = true;
        return true;
      }
      if (from === 0) return false;
      this.skipping = false;
    }

    // The newline that ends the piece's last line is the first one at or behind endBytes - 1.
    const lastAt = endBytes - 1 - chunkOffset;
    if (lastAt < chunk.length) {
      const end = chunk.indexOf(NEWLINE, Math.max(lastAt, from)) + 1;
      this.complete = end > 0;
      this.deliverUpTo(chunk, chunkOffset, from, end > 0 ? end : chunk.lastIndexOf(NEWLINE) + 1, deliver);
    } else {
      this.deliverUpTo(chunk, chunkOffset, from, chunk.lastIndexOf(NEWLINE) + 1, deliver);
    }
    return this.complete;
  }

  finish(deliver: (line: string) => void): void {
    if (this.complete) return;
    this.complete = true;
    if (this.carriedBytes > 0) {
      const line = this.takeCarried(NO_BYTES);
      this.deliverBlock(line, this.chunkOffset - line.length, deliver);
    }
  }

  recordOffsetBytes(): number {
    while (this.foundLine < this.linesDelivered) {
      this.foundAt = this.block.indexOf(NEWLINE, this.foundAt) + 1;
      this.foundLine += 1;
    }
    return this.blockOffset + this.foundAt;
  }

  /** Delivers the chunk's lines in [from, end), end being 0 or just behind a newline, and carries what follows. */
  private deliverUpTo(
    chunk: Buffer,
    chunkOffset: number,
    from: number,
    end: number,
    deliver: (line: string) => void,
  ): void {
    let start = from;
    if (this.carriedBytes > 0 && end > 0) {
      start = chunk.indexOf(NEWLINE) + 1;
      const line = this.takeCarried(chunk.subarray(0, start));
      this.deliverBlock(line, chunkOffset + start - line.length, deliver);
    }
    while (start < end) {
      const blockEnd = lineEndNear(chunk, start, end);
      this.deliverBlock(chunk.subarray(start, blockEnd), chunkOffset + start, deliver);
      start = blockEnd;
    }
    if (!this.complete && start < chunk.length) this.carry(chunk.subarray(start), this.chunkOffset);
  }

  /** Whole lines; only the file's last one may lack its newline. */
  private deliverBlock(block: Buffer, blockOffset: number, deliver: (line: string) => void): void {
    this.block = block;
    this.blockOffset = blockOffset;
    this.linesDelivered = 0;
    this.foundLine = 1;
    this.foundAt = 0;
    if (block.length > this.piece.recordBytesMax) this.assertLinesFit(block, blockOffset);

    const text = this.decode(block, blockOffset);
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      this.linesDelivered += 1;
      // Looking one to the left of an empty line is harmless: there is the newline before it, or nothing.
      deliver(text.slice(from, text.charCodeAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end));
      from = end + 1;
    }
    // A block without a last newline is the file's end; one that is a byte order mark alone holds no line.
    if (from < text.length) {
      this.linesDelivered += 1;
      deliver(from === 0 ? text : text.slice(from));
    }
    this.ownedBytes += block.length;
    this.block = NO_BYTES;
  }

  private decode(block: Buffer, blockOffset: number): string {
    if (this.latin1 || isAscii(block)) return block.toString('latin1');
    return block.toString('utf8', blockOffset === 0 && startsWithByteOrderMark(block) ? 3 : 0);
  }

  private carry(bytes: Buffer, endOffset: number): void {
    this.carried.push(Buffer.from(bytes));
    this.carriedBytes += bytes.length;
    // One byte more than allowed may be the '\r' of a line end.
    if (this.carriedBytes > this.piece.recordBytesMax + 1) {
      throw this.lineTooLarge(endOffset - this.carriedBytes);
    }
  }

  private takeCarried(tail: Buffer): Buffer {
    this.carried.push(tail);
    const line = Buffer.concat(this.carried);
    this.carried = [];
    this.carriedBytes = 0;
    return line;
  }

  private assertLinesFit(block: Buffer, blockOffset: number): void {
    for (let from = 0; from < block.length; ) {
      const newline = block.indexOf(NEWLINE, from);
      const end = newline === -1 ? block.length : newline;
      const lineEnd = newline > from && block[newline - 1] === CARRIAGE_RETURN ? newline - 1 : end;
      if (lineEnd - from > this.piece.recordBytesMax) throw this.lineTooLarge(blockOffset + from);
      from = end + 1;
    }
  }

  private lineTooLarge(offsetBytes: number): MapReduceError {
    return new MapReduceError(
      'RecordTooLargeError',
      `the line that starts at byte ${offsetBytes} is longer than ${this.piece.recordBytesMax} bytes, the most that one record may have. Break it up before the job, or, if the input is not lines of text, choose the input format that fits it.`,
      { details: { offsetBytes } },
    );
  }
}

/** Just behind the last newline of the next BLOCK_BYTES, or behind the first one where a line is longer. */
function lineEndNear(chunk: Buffer, start: number, end: number): number {
  if (end - start <= BLOCK_BYTES) return end;
  const last = chunk.lastIndexOf(NEWLINE, start + BLOCK_BYTES - 1) + 1;
  return last > start ? last : chunk.indexOf(NEWLINE, start + BLOCK_BYTES) + 1;
}

function startsWithByteOrderMark(bytes: Buffer): boolean {
  return bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}
