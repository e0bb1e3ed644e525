import { isAscii, isUtf8 } from 'node:buffer';
import { KiB } from '../../base/limits.ts';
import { raw } from '../../codec/raw-bytes.ts';

/** How many bytes are decoded at once. See text-lines.ts: longer strings are slow to allocate. */
const BLOCK_BYTES = 48 * KiB;

const NO_BYTES = Buffer.alloc(0);

/**
 * Some of the bytes that are scanned, as text of one character per byte. Searching text for a character takes 10 ns, and a
 * slice of it 10 to 20 ns, while a call to search or decode the bytes of one cell takes 40 or more.
 */
export class TextBlock {
  bytes: Buffer = NO_BYTES;
  text = '';
  /** The text stands for bytes[start, end). */
  start = 0;
  end = 0;
  /** Index of the next quote, from where it was last needed. -1: not known. */
  quoteAt = -1;
  #isAscii: boolean | undefined;
  #utf8End: number | undefined;

  /** Starts with other bytes. */
  use(bytes: Buffer): void {
    this.bytes = bytes;
    this.#set('', 0, 0);
  }

  /** Moves the block. */
  moveTo(start: number): void {
    const end = Math.min(this.bytes.length, start + BLOCK_BYTES);
    this.#set(raw(this.bytes).latin1Slice(start, end), start, end);
  }

  isAscii(): boolean {
    this.#isAscii ??= isAscii(this.bytes.subarray(this.start, this.end));
    return this.#isAscii;
  }

  /** The block is valid UTF-8 up to here. `start` if that is not known. */
  utf8End(): number {
    if (this.#utf8End === undefined) {
      const { bytes, start } = this;
      let end = this.end;
      // The block may end inside a character, so the last one is left out.
      while (end > start && end > this.end - 4 && bytes[end - 1]! >= 0x80) {
        end -= 1;
        if (bytes[end]! >= 0xc0) break;
      }
      this.#utf8End = isUtf8(bytes.subarray(start, end)) ? end : start;
    }
    return this.#utf8End;
  }

  #set(text: string, start: number, end: number): void {
    this.text = text;
    this.start = start;
    this.end = end;
    this.quoteAt = -1;
    this.#isAscii = undefined;
    this.#utf8End = undefined;
  }
}
