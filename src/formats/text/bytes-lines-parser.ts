/**
 * Cuts blocks into lines of bytes. Looking for line ends is most of the work. Short lines are found by reading four bytes at
 * once, which costs less than a call per line; long lines by `indexOf`, which reads 32 and more. The lines of one block decide
 * how the next one is read.
 */
import { KiB } from '../../base/limits.ts';
import { byteOrderMarkBytes, LineBlocks } from '../line-blocks.ts';

import { type BytesSlice, MovableSlice } from './bytes-slice.ts';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NO_BYTES = Buffer.alloc(0);
/** Lines of at least this length, on average, are found by indexOf. */
const LONG_LINE_BYTES = 128;

export class BytesLinesParser extends LineBlocks<BytesSlice> {
  readonly #line = new MovableSlice(NO_BYTES, 0, 0);
  #blockOffset = 0;
  /** The length of the byte order mark before the block's first line. */
  #markBytes = 0;
  /** The mean of the last block. */
  #lineBytes = 0;

  override recordOffsetBytes(): number {
    const { start } = this.#line;
    return this.#blockOffset + (start === this.#markBytes ? 0 : start);
  }

  protected override deliverBlock(
    block: Buffer,
    blockOffset: number,
    deliver: (line: BytesSlice) => void,
  ): void {
    this.#blockOffset = blockOffset;
    this.#markBytes = blockOffset === 0 ? byteOrderMarkBytes(block) : 0;
    const line = this.#line;
    line.bytes = block;
    line.start = this.#markBytes;
    const newlines = this.#lineBytes < LONG_LINE_BYTES ? findNewlines(block) : -1;
    const lines = newlines === -1 ? deliverByIndexOf(line, deliver) : deliverFound(line, newlines, deliver);
    this.#lineBytes = block.length / lines;
    line.bytes = NO_BYTES;
  }
}

/** Blocks are smaller, or are one line. All parsers of a thread use it, one block at a time. */
const found = new Int32Array(48 * KiB);

/** Writes where the newlines of the block are to `found`, and returns how many; -1 if the block is too large. */
function findNewlines(block: Buffer): number {
  const { buffer, byteOffset, length } = block;
  const wordsAt = -byteOffset & 3;
  if (length < wordsAt || length > found.length) return -1;
  const words = new Int32Array(buffer, byteOffset + wordsAt, (length - wordsAt) >> 2);
  let newlines = 0;
  for (let at = 0; at < wordsAt; at++) if (block[at] === NEWLINE) found[newlines++] = at;
  for (let index = 0; index < words.length; index++) {
    // Newlines become zeros. Subtracting 1 from a byte that is zero sets its highest bit.
    const word = words[index]! ^ 0x0a0a0a0a;
    if (((word - 0x01010101) & ~word & 0x80808080) === 0) continue;
    const at = wordsAt + 4 * index;
    if (block[at] === NEWLINE) found[newlines++] = at;
    if (block[at + 1] === NEWLINE) found[newlines++] = at + 1;
    if (block[at + 2] === NEWLINE) found[newlines++] = at + 2;
    if (block[at + 3] === NEWLINE) found[newlines++] = at + 3;
  }
  for (let at = wordsAt + 4 * words.length; at < length; at++) {
    if (block[at] === NEWLINE) found[newlines++] = at;
  }
  return newlines;
}

/** Delivers the lines from `line.start` to the end of the block. Returns how many they were. */
function deliverFound(line: MovableSlice, newlines: number, deliver: (line: BytesSlice) => void): number {
  let { start } = line;
  for (let index = 0; index < newlines; index++) {
    const newline = found[index]!;
    setRange(line, start, newline);
    deliver(line);
    start = newline + 1;
  }
  return newlines + deliverLast(line, start, deliver);
}

/** The same, with one call per line that finds its end. */
function deliverByIndexOf(line: MovableSlice, deliver: (line: BytesSlice) => void): number {
  const block = line.bytes;
  let { start } = line;
  let lines = 0;
  for (let newline = block.indexOf(NEWLINE, start); newline !== -1; lines += 1) {
    setRange(line, start, newline);
    deliver(line);
    start = newline + 1;
    newline = block.indexOf(NEWLINE, start);
  }
  return lines + deliverLast(line, start, deliver);
}

function setRange(line: MovableSlice, start: number, newline: number): void {
  line.start = start;
  line.end = newline > start && line.bytes[newline - 1] === CARRIAGE_RETURN ? newline - 1 : newline;
}

/** A block that does not end in a newline is the end of the file. A byte order mark alone holds no line. */
function deliverLast(line: MovableSlice, start: number, deliver: (line: BytesSlice) => void): number {
  if (start === line.bytes.length) return 0;
  line.start = start;
  line.end = line.bytes.length;
  deliver(line);
  return 1;
}
