/**
 * Lines of text: the input of most jobs, and the hottest loop of all. The rules, beside those of LineBlocks:
 *
 *   - A '\r' right before '\n' is dropped; any other '\r' is data, also at the end of the file.
 *   - An empty line is a record.
 *   - A UTF-8 byte order mark at byte 0 is not part of the first line's text, but it counts as one of its bytes.
 *   - Bytes that are not UTF-8 become U+FFFD. With `encoding: 'latin1'` each byte becomes one character, those of the
 *     byte order mark too, so nothing is lost.
 *
 * A line shares memory with its decoded block (48 KiB): a job that keeps a few lines of many blocks for a long time should
 * copy them.
 */
import { isAscii } from 'node:buffer';
import { MapReduceError } from '../base/errors.ts';
import { byteRanges } from './byte-ranges.ts';
import { byteOrderMarkBytes, LineBlocks } from './line-blocks.ts';
import type { OpenPiece, Source } from './source.ts';

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
export function textLines({ encoding = 'utf8' }: TextLinesOptions = {}): Source<string> {
  if (encoding !== 'utf8' && encoding !== 'latin1') {
    throw new MapReduceError(
      'JobDefinitionError',
      `textLines() received encoding ${JSON.stringify(encoding)}; it must be 'utf8' or 'latin1'. Convert files of other encodings first, for example with iconv.`,
    );
  }
  return byteRanges({
    name: `text-lines(${encoding})`,
    splittable: true,
    isText: true,
    createParser: (piece) => new TextLinesParser(piece, encoding),
  });
}

const CARRIAGE_RETURN = 0x0d;

export class TextLinesParser extends LineBlocks<string> {
  readonly #latin1: boolean;

  constructor(piece: OpenPiece, encoding: 'utf8' | 'latin1') {
    super(piece);
    this.#latin1 = encoding === 'latin1';
  }

  protected override deliverBlock(block: Buffer, blockOffset: number, deliver: (line: string) => void): void {
    const text = this.#decode(block, blockOffset);
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      this.linesSeen += 1;
      // For an empty line this looks at the newline before it, or at index -1, which is NaN. Both are harmless.
      deliver(text.slice(from, text.charCodeAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end));
      from = end + 1;
    }
    // A block that does not end in a newline is the end of the file. A byte order mark alone holds no line.
    if (from < text.length) {
      this.linesSeen += 1;
      deliver(from === 0 ? text : text.slice(from));
    }
  }

  #decode(block: Buffer, blockOffset: number): string {
    if (this.#latin1 || isAscii(block)) return block.toString('latin1');
    return block.toString('utf8', blockOffset === 0 ? byteOrderMarkBytes(block) : 0);
  }
}
