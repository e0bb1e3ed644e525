/**
 * Parsers of lines of text: the input of most jobs, and the hottest loop of all. The rules, beside those of LineBlocks:
 *
 *   - A '\r' right before '\n' is dropped; any other '\r' is data, also at the end of the file.
 *   - An empty line is a record.
 *   - A byte order mark at byte 0 is not part of the first line's text, but it counts as its bytes. It decides the
 *     encoding, unless that is 'latin1'.
 *   - What is not valid in the encoding becomes U+FFFD, and such lines are counted.
 *
 * A block is decoded as a whole if it is valid, and otherwise line by line. A line shares memory with its decoded block
 * (48 KiB): a job that keeps a few lines of many blocks for a long time should copy them.
 */
import { preview } from '../../base/show-value.ts';
import { lineInBytes } from '../../codec/bytes-range.ts';
import { LineBlocks, type LinesPiece } from '../line-blocks.ts';
import type { OpenPiece } from '../source.ts';
import { type TextEncoding, UTF_8, UTF_16BE, UTF_16LE } from './encodings.ts';
import type { LineFilter } from './line-filter.ts';

const CARRIAGE_RETURN = 0x0d;

export class TextLinesParser extends LineBlocks<string> {
  readonly #piece: Pick<OpenPiece, 'bad' | 'count'>;
  readonly #encoding: TextEncoding;
  readonly #invalid: 'replace' | 'bad';

  constructor(
    piece: LinesPiece & Pick<OpenPiece, 'bad' | 'count'>,
    encoding: TextEncoding,
    invalid: 'replace' | 'bad',
  ) {
    super(piece);
    this.#piece = piece;
    this.#encoding = encoding;
    this.#invalid = invalid;
  }

  protected override deliverBlock(block: Buffer, blockOffset: number, deliver: (line: string) => void): void {
    const markBytes = blockOffset === 0 ? this.#encoding.markBytes(block) : 0;
    const bytes = markBytes === 0 ? block : block.subarray(markBytes);
    const text = this.decode(bytes);
    if (text === undefined) {
      this.#deliverInvalid(bytes, deliver);
      return;
    }
    // As many bytes as characters: it is ASCII.
    if (this.#encoding === UTF_8 && text.length === bytes.length) lineInBytes.bytes = bytes;
    try {
      this.#deliverLines(text, deliver);
    } finally {
      lineInBytes.clear();
    }
  }

  #deliverLines(text: string, deliver: (line: string) => void): void {
    let from = 0;
    for (let newline = text.indexOf('\n'); newline !== -1; newline = text.indexOf('\n', from)) {
      this.linesSeen += 1;
      // For an empty line this looks at the newline before it, or at index -1, which is NaN. Both are harmless.
      const end = text.charCodeAt(newline - 1) === CARRIAGE_RETURN ? newline - 1 : newline;
      const line = text.slice(from, end);
      lineInBytes.text = line;
      lineInBytes.start = from;
      lineInBytes.end = end;
      deliver(line);
      from = newline + 1;
    }
    // A block that does not end in a newline is the end of the file. A byte order mark alone holds no line.
    if (from < text.length) {
      lineInBytes.bytes = NO_BYTES;
      this.linesSeen += 1;
      deliver(from === 0 ? text : text.slice(from));
    }
  }

  /** Undefined if the bytes are not valid. */
  protected decode(bytes: Buffer): string | undefined {
    return this.#encoding.decode(bytes);
  }

  /** A block in which at least one line is not valid. */
  #deliverInvalid(bytes: Buffer, deliver: (line: string) => void): void {
    for (let from = 0; from < bytes.length; ) {
      const end = this.lineEndAfter(bytes, from) || bytes.length;
      // With its line end, since a decoder may treat incomplete characters at the end of its input in another way.
      const line = bytes.subarray(from, end);
      from = end;
      this.linesSeen += 1;
      const text = this.decode(line) ?? this.#replaced(line);
      if (text !== undefined) deliver(withoutLineEnd(text));
    }
  }

  /** Returns undefined for a line that is a bad record and is skipped. */
  #replaced(line: Buffer): string | undefined {
    const { name } = this.#encoding;
    const text = this.#encoding.replace(line);
    if (this.#invalid === 'replace') {
      this.#piece.count(`lines not valid ${name}`);
      return text;
    }
    const number = this.lineNumber();
    this.#piece.bad({
      message: `the line is not valid ${name}: it reads ${preview(withoutLineEnd(text))}. If the file has another encoding, name it, for example textLines({ encoding: 'windows-1252' })`,
      offset: this.recordOffsetBytes(),
      ...(number === undefined ? {} : { line: number }),
    });
    return undefined;
  }
}

function withoutLineEnd(line: string): string {
  return line.endsWith('\r\n') ? line.slice(0, -2) : line.endsWith('\n') ? line.slice(0, -1) : line;
}

/**
 * UTF-16, in which a newline is a unit of two bytes at an even offset. Chunks are copied to the order of bytes that the
 * runtime decodes, and to where their units are aligned, which a search for one unit requires.
 *
 * A piece that starts at byte s is fed from s - 1, which is too late to see that a newline ends at s. So a line belongs to the
 * piece that has the byte before its first one, the last byte of a newline: to the piece before, if that starts a piece.
 */
export class Utf16LinesParser extends TextLinesParser {
  readonly #isBigEndian: boolean;
  /** How many bytes of the first chunk belong to a unit that starts before it. */
  #skipBytes: number;
  /** The first byte of a unit whose second byte has not arrived. */
  #half = NO_BYTES;
  /** Whether the file ends inside a unit. Its last line is then not valid. */
  #endsInUnit = false;
  readonly #filter: LineFilter | undefined;

  constructor(
    piece: OpenPiece,
    encoding: TextEncoding,
    invalid: 'replace' | 'bad',
    filter: LineFilter | undefined,
  ) {
    const { startBytes: start, endBytes: end, recordBytesMax } = piece;
    // The first unit that is fed. LineBlocks expects to be fed from one byte before the piece.
    const unitAt = start - (start % 2);
    super(
      {
        startBytes: start === 0 ? 0 : unitAt + 1,
        endBytes: end === 0 ? 0 : end + 1,
        recordBytesMax,
        bad: (record) => piece.bad(record),
        count: (counter, amount) => piece.count(counter, amount),
      },
      { ...UTF_16LE, name: encoding.name },
      invalid,
    );
    this.#filter = filter;
    this.#isBigEndian = encoding === UTF_16BE;
    this.#skipBytes = start > 0 && start % 2 === 0 ? 1 : 0;
  }

  override push(chunk: Buffer, deliver: (line: string) => void): boolean {
    const bytes = Buffer.concat([this.#half, chunk.subarray(this.#skipBytes)]);
    this.#skipBytes = Math.max(0, this.#skipBytes - chunk.length);
    const end = bytes.length - (bytes.length % 2);
    this.#half = bytes.subarray(end);
    const units = bytes.subarray(0, end);
    if (this.#isBigEndian) units.swap16();
    return super.push(units, deliver);
  }

  protected override deliverBlock(block: Buffer, blockOffset: number, deliver: (line: string) => void): void {
    const filter = this.#filter;
    const chosen = (line: string) => {
      if (filter?.chooses(line)) deliver(line);
    };
    super.deliverBlock(block, blockOffset, filter === undefined ? deliver : chosen);
  }

  override finish(deliver: (line: string) => void): void {
    const ownedBefore = this.ownedBytes;
    this.#endsInUnit = this.#half.length > 0;
    // A unit takes the place of its first half, so that the line ends where the file ends.
    if (this.#endsInUnit && super.push(Buffer.from(REPLACEMENT_UNIT), deliver)) return;
    super.finish(deliver);
    if (this.#endsInUnit && this.ownedBytes > ownedBefore) this.ownedBytes -= 1;
  }

  protected override decode(bytes: Buffer): string | undefined {
    return this.#endsInUnit ? undefined : super.decode(bytes);
  }

  protected override lineEndAfter(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf('\n', at & ~1, 'utf16le');
    return newline === -1 ? 0 : newline + 2;
  }

  protected override lineEndBefore(bytes: Buffer, at: number): number {
    const newline = at < 2 ? -1 : bytes.lastIndexOf('\n', at - 2, 'utf16le');
    return newline === -1 ? 0 : newline + 2;
  }

  protected override textEnd(bytes: Buffer, [from, end]: readonly [from: number, end: number]): number {
    if (end - from < 2 || bytes.readUInt16LE(end - 2) !== NEWLINE) return end;
    const isAfterReturn = end - from >= 4 && bytes.readUInt16LE(end - 4) === CARRIAGE_RETURN;
    return end - (isAfterReturn ? 4 : 2);
  }
}

const NEWLINE = 0x0a;
const NO_BYTES = Buffer.alloc(0);
/** U+FFFD in UTF-16LE. */
const REPLACEMENT_UNIT = [0xfd, 0xff];
