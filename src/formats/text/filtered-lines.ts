/**
 * Lines of text of which most are skipped (line-filter.ts). Blocks are searched as a whole, for the bytes of a literal, for two
 * bytes of a pattern (byte-pair.ts) or for the pattern, and only lines with a find are cut out:
 *
 *     block    ...\n a line without it \n a line with FIND in it \n ...
 *                                        |<- cut out and tested ->|
 */
import type { LinesPiece } from '../line-blocks.ts';
import { FIRST_ROW, type ScanKernel, scanKernel, WINDOW_BYTES } from '../scan-kernel.ts';
import type { OpenPiece } from '../source.ts';
import type { BytePair } from './byte-pair.ts';
import { type TextEncoding, UTF_8 } from './encodings.ts';
import type { LineFilter } from './line-filter.ts';
import { TextLinesParser } from './text-lines-parser.ts';

const NEWLINE = 0x0a;
/** Of the rows of linesWithPair(). */
const ROW_WORDS = 3;
/** If the pair is in more lines of a block, searching the block for the pattern is as fast. */
const LINES_MAX = 192;

export class FilteredLinesParser extends TextLinesParser {
  readonly #filter: LineFilter;
  readonly #literal: Buffer;
  readonly #encoding: TextEncoding;
  readonly #kernel: ScanKernel | undefined;
  /** Undefined if the kernel does not look for it. */
  #pair: BytePair | undefined;
  /** Where the current line starts in the file, if it was cut out of a block. */
  #lineOffset: number | undefined;
  /** The text that the current line was cut out of, and where it starts there. */
  #found: { readonly text: string; readonly start: number } | undefined;

  constructor(
    piece: LinesPiece & Pick<OpenPiece, 'bad' | 'count'>,
    encoding: TextEncoding,
    { invalid, filter }: { readonly invalid: 'replace' | 'bad'; readonly filter: LineFilter },
  ) {
    super(piece, encoding, invalid);
    this.#encoding = encoding;
    this.#filter = filter;
    // In other encodings, the bytes of the literal might be found inside of characters. U+FFFD may stand for any bytes.
    const isInBytes = encoding === UTF_8 && !filter.literal.includes('\ufffd');
    this.#literal = Buffer.from(isInBytes ? filter.literal : '');
    if (encoding !== UTF_8 || filter.pair === undefined) return;
    this.#kernel = scanKernel();
    this.#pair = this.#kernel && filter.pair;
  }

  override recordOffsetBytes(): number {
    if (this.#lineOffset !== undefined) return this.#lineOffset;
    if (this.#found !== undefined) {
      const { text, start } = this.#found;
      this.linesSeen = 1;
      for (let at = text.indexOf('\n'); at !== -1 && at < start; at = text.indexOf('\n', at + 1))
        this.linesSeen++;
    }
    return super.recordOffsetBytes();
  }

  /** Lines that were skipped are not counted. */
  protected override lineNumber(): undefined {
    return undefined;
  }

  protected override deliverBlock(block: Buffer, blockOffset: number, deliver: (line: string) => void): void {
    const { chooses } = this.#filter;
    this.#found = undefined;
    if (this.#literal.length > 0) {
      const chosen = (line: string) => {
        if (chooses(line)) deliver(line);
      };
      this.#deliverAroundLiteral(block, blockOffset, chosen);
      this.#lineOffset = undefined;
      return;
    }
    if (this.#pair !== undefined && this.#deliverPaired(this.#pair, block, blockOffset, deliver)) return;
    const markBytes = blockOffset === 0 ? this.#encoding.markBytes(block) : 0;
    const pattern = this.#filter.block;
    const text = pattern === undefined ? undefined : this.decode(block.subarray(markBytes));
    if (pattern === undefined || text === undefined) {
      super.deliverBlock(block, blockOffset, (line) => {
        if (chooses(line)) deliver(line);
      });
      return;
    }
    this.#deliverFound(text, pattern, deliver);
  }

  #deliverAroundLiteral(block: Buffer, blockOffset: number, deliver: (line: string) => void): void {
    const literal = this.#literal;
    for (let at = block.indexOf(literal); at !== -1; ) {
      const start = at === 0 ? 0 : block.lastIndexOf(NEWLINE, at - 1) + 1;
      const end = block.indexOf(NEWLINE, at) + 1 || block.length;
      this.#lineOffset = blockOffset + start;
      // A mark before the first line belongs to the file.
      super.deliverBlock(block.subarray(start, end), this.#lineOffset, deliver);
      at = end === block.length ? -1 : block.indexOf(literal, end);
    }
  }

  /** Returns false if the kernel cannot look, or finds too many lines. */
  #deliverPaired(
    pair: BytePair,
    block: Buffer,
    blockOffset: number,
    deliver: (line: string) => void,
  ): boolean {
    const kernel = this.#kernel!;
    if (kernel.isBusy || block.length > WINDOW_BYTES) return false;
    const { first, second, distance } = pair;
    const bytes = [first.byte, first.bits, second.byte, second.bits] as const;
    kernel.isBusy = true;
    try {
      kernel.load(block, 0, block.length);
      for (let from = 0; from < block.length; ) {
        const rows = kernel.functions.linesWithPair(from, block.length, ...bytes, distance);
        if (from === 0 && rows > LINES_MAX) {
          this.#pair = undefined;
          return false;
        }
        from = kernel.next;
        for (let row = 0; row < rows; row++)
          this.#deliverRow(FIRST_ROW + ROW_WORDS * row, block, blockOffset, deliver);
      }
      this.#lineOffset = undefined;
      return true;
    } finally {
      kernel.isBusy = false;
    }
  }

  #deliverRow(at: number, block: Buffer, blockOffset: number, deliver: (line: string) => void): void {
    const kernel = this.#kernel!;
    const { chooses } = this.#filter;
    const [start, end] = [kernel.words[at]!, kernel.words[at + 1]!];
    this.#lineOffset = blockOffset + start;
    if (kernel.words[at + 2] === 0) {
      super.deliverBlock(block.subarray(start, end), this.#lineOffset, (line) => {
        if (chooses(line)) deliver(line);
      });
      return;
    }
    const line = kernel.latin1(start, this.textEnd(block, [start, end]));
    if (chooses(line)) deliver(line);
  }

  #deliverFound(text: string, pattern: RegExp, deliver: (line: string) => void): void {
    const { chooses } = this.#filter;
    for (let from = 0; from < text.length; ) {
      pattern.lastIndex = from;
      const match = pattern.exec(text);
      if (match === null) break;
      const start = match.index === 0 ? 0 : text.lastIndexOf('\n', match.index - 1) + 1;
      const newline = text.indexOf('\n', match.index);
      const end = newline === -1 ? text.length : newline;
      // At the end of a text that ends in a newline, there is no line.
      if (start === text.length) break;
      from = end + 1;
      const line = text.slice(start, newline !== -1 && text[end - 1] === '\r' && end > start ? end - 1 : end);
      if (!chooses(line)) continue;
      this.#found = { text, start };
      deliver(line);
    }
    this.#found = undefined;
  }
}
