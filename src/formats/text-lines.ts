/**
 * Lines of text: the input of most jobs, and the hottest loop of all. Decoding costs almost nothing when a chunk is cut
 * at line ends into blocks and each block is decoded as a whole; each line is then a slice that shares the block's
 * characters.
 *
 *     bytes fed      ...a\n|line one\nline two\nli|ne three\n...
 *                          |      a block       |^ carried as bytes until its newline arrives
 *
 * The rules, which hold for every cut of a file into pieces:
 *
 *   - A line belongs to the piece in which its first byte lies. A piece that starts inside a line skips to the next.
 *   - '\n' ends a line. A '\r' right before it is dropped; any other '\r' is data, also at the end of the file.
 *   - The last line needs no newline. An empty line is a record, but there is no record after the last newline.
 *   - A UTF-8 byte order mark at byte 0 is not part of the first line's text, but it counts as one of its bytes.
 *   - Bytes that are not UTF-8 become U+FFFD. With `encoding: 'latin1'` each byte becomes one character, those of the
 *     byte order mark too, so nothing is lost.
 *
 * A line shares memory with its decoded block (48 KiB): a job that keeps a few lines of many blocks for a long time should
 * copy them.
 */
import { isAscii } from 'node:buffer';
import { MapReduceError } from '../base/errors.ts';
import { KiB } from '../base/limits.ts';
import type { InputFormat, ParserPiece, RecordParser } from './input-format.ts';

/** Options of `textLines()`. */
export interface TextLinesOptions {
  /**
   * Default: 'utf8', in which bytes that are not UTF-8 become U+FFFD. 'latin1' turns every byte into the character of the
   * same number, so no byte is lost.
   */
  readonly encoding?: 'utf8' | 'latin1';
}

/**
 * The input format of text files: one record per line, a string without its line end ('\n' or '\r\n'). Files may be plain,
 * gzip or zstd; files that are not text are refused by name.
 *
 * @throws JobDefinitionError for another encoding. While the job runs, a line longer than 256 MiB, or a quarter of the
 *   worker's memory, is a RecordTooLargeError.
 *
 * @example textLines()
 * @example textLines({ encoding: 'latin1' })
 */
export function textLines({ encoding = 'utf8' }: TextLinesOptions = {}): InputFormat<string> {
  if (encoding !== 'utf8' && encoding !== 'latin1') {
    throw new MapReduceError(
      'JobDefinitionError',
      `textLines() received encoding ${JSON.stringify(encoding)}; it must be 'utf8' or 'latin1'. Convert files of other encodings first, for example with iconv.`,
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
 * How many bytes are decoded at once. V8 puts a string of 128 KiB or more into its large-object space, with one mapping
 * each, which nearly halves the speed of the parser (measured: 2.3 GB/s at 64 KiB, 1.3 at 256 KiB). A string with characters
 * beyond Latin-1 takes two bytes per character.
 */
const BLOCK_BYTES = 48 * KiB;
const NO_BYTES = Buffer.alloc(0);

class TextLinesParser implements RecordParser<string> {
  ownedBytes = 0;

  readonly #piece: ParserPiece;
  readonly #latin1: boolean;
  /** The offset in the file of the next chunk's first byte. */
  #chunkOffset: number;
  /** Whether the newline before the piece's first line has not been found yet. */
  #skipping: boolean;
  #complete: boolean;
  /** The start of a line whose newline has not arrived. It is joined once, so a line of n chunks costs O(n). */
  #carried: Buffer[] = [];
  #carriedBytes = 0;

  // State of recordOffsetBytes(). The hot loop only updates one count.
  /** The block being delivered. `linesDelivered` counts its lines so far, the current one included. */
  #block: Buffer = NO_BYTES;
  #blockOffset = 0;
  #linesDelivered = 0;
  /** The last result of recordOffsetBytes(): line `foundLine` (counted from 1) starts at `foundAt` in the block. */
  #foundLine = 1;
  #foundAt = 0;

  constructor(piece: ParserPiece, encoding: 'utf8' | 'latin1') {
    this.#piece = piece;
    this.#latin1 = encoding === 'latin1';
    this.#chunkOffset = Math.max(0, piece.startBytes - 1);
    this.#skipping = piece.startBytes > 0;
    this.#complete = piece.startBytes >= piece.endBytes;
  }

  push(chunk: Buffer, deliver: (line: string) => void): boolean {
    if (this.#complete) return true;
    const chunkOffset = this.#chunkOffset;
    this.#chunkOffset += chunk.length;
    const { endBytes } = this.#piece;
    let from = 0;

    if (this.#skipping) {
      from = chunk.indexOf(NEWLINE) + 1;
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
    if (lastAt < chunk.length) {
      const end = chunk.indexOf(NEWLINE, Math.max(lastAt, from)) + 1;
      this.#complete = end > 0;
      this.#deliverUpTo(chunk, chunkOffset, from, end > 0 ? end : chunk.lastIndexOf(NEWLINE) + 1, deliver);
    } else {
      this.#deliverUpTo(chunk, chunkOffset, from, chunk.lastIndexOf(NEWLINE) + 1, deliver);
    }
    return this.#complete;
  }

  finish(deliver: (line: string) => void): void {
    if (this.#complete) return;
    this.#complete = true;
    if (this.#carriedBytes > 0) {
      const line = this.#takeCarried(NO_BYTES);
      this.#deliverBlock(line, this.#chunkOffset - line.length, deliver);
    }
  }

  recordOffsetBytes(): number {
    while (this.#foundLine < this.#linesDelivered) {
      this.#foundAt = this.#block.indexOf(NEWLINE, this.#foundAt) + 1;
      this.#foundLine += 1;
    }
    return this.#blockOffset + this.#foundAt;
  }

  /** Delivers the chunk's lines in [from, end), and carries what follows. `end` is 0 or just after a newline. */
  #deliverUpTo(
    chunk: Buffer,
    chunkOffset: number,
    from: number,
    end: number,
    deliver: (line: string) => void,
  ): void {
    let start = from;
    if (this.#carriedBytes > 0 && end > 0) {
      start = chunk.indexOf(NEWLINE) + 1;
      const line = this.#takeCarried(chunk.subarray(0, start));
      this.#deliverBlock(line, chunkOffset + start - line.length, deliver);
    }
    while (start < end) {
      const blockEnd = lineEndNear(chunk, start, end);
      this.#deliverBlock(chunk.subarray(start, blockEnd), chunkOffset + start, deliver);
      start = blockEnd;
    }
    if (!this.#complete && start < chunk.length) this.#carry(chunk.subarray(start), this.#chunkOffset);
  }

  /** The block consists of whole lines; only the last line of the file may lack its newline. */
  #deliverBlock(block: Buffer, blockOffset: number, deliver: (line: string) => void): void {
    this.#block = block;
    this.#blockOffset = blockOffset;
    this.#linesDelivered = 0;
    this.#foundLine = 1;
    this.#foundAt = 0;
    if (block.length > this.#piece.recordBytesMax) this.#assertLinesFit(block, blockOffset);

    const text = this.#decode(block, blockOffset);
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      this.#linesDelivered += 1;
      // For an empty line this looks at the newline before it, or at index -1, which is NaN. Both are harmless.
      deliver(text.slice(from, text.charCodeAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end));
      from = end + 1;
    }
    // A block that does not end in a newline is the end of the file. A byte order mark alone holds no line.
    if (from < text.length) {
      this.#linesDelivered += 1;
      deliver(from === 0 ? text : text.slice(from));
    }
    this.ownedBytes += block.length;
    this.#block = NO_BYTES;
  }

  #decode(block: Buffer, blockOffset: number): string {
    if (this.#latin1 || isAscii(block)) return block.toString('latin1');
    return block.toString('utf8', blockOffset === 0 && startsWithByteOrderMark(block) ? 3 : 0);
  }

  #carry(bytes: Buffer, endOffset: number): void {
    this.#carried.push(Buffer.from(bytes));
    this.#carriedBytes += bytes.length;
    // The byte beyond the bound may be the '\r' of a line end.
    if (this.#carriedBytes > this.#piece.recordBytesMax + 1) {
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
      const newline = block.indexOf(NEWLINE, from);
      const end = newline === -1 ? block.length : newline;
      const lineEnd = newline > from && block[newline - 1] === CARRIAGE_RETURN ? newline - 1 : end;
      if (lineEnd - from > this.#piece.recordBytesMax) throw this.#lineTooLarge(blockOffset + from);
      from = end + 1;
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

/** The offset just after the last newline within the next BLOCK_BYTES, or after the first newline if a line is longer. */
function lineEndNear(chunk: Buffer, start: number, end: number): number {
  if (end - start <= BLOCK_BYTES) return end;
  const last = chunk.lastIndexOf(NEWLINE, start + BLOCK_BYTES - 1) + 1;
  return last > start ? last : chunk.indexOf(NEWLINE, start + BLOCK_BYTES) + 1;
}

function startsWithByteOrderMark(bytes: Buffer): boolean {
  return bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}
