/** Files as records: for many small files that are not lists of records themselves, such as images or documents. */
import { MapReduceError } from '../../base/errors.ts';
import { checkOptionNames } from '../../base/nearest-name.ts';
import { preview } from '../../base/show-value.ts';
import { byteRanges, type RecordParser } from '../byte-ranges.ts';
import type { OpenPiece, Source } from '../source.ts';
import {
  checkedInvalid,
  lookForMark,
  type TextEncoding,
  type TextOptions,
  textEncoding,
} from '../text/encodings.ts';

/** Options of `wholeFiles()`, for records that are text. */
export interface WholeTextOptions extends TextOptions {
  readonly as: 'text';
}

/**
 * The source whose records are whole files: `map` receives the bytes of each file, also of an empty one, as a Buffer that it
 * may keep. `context.file` is the file's name. gzip and zstd files are decompressed. With `as: 'text'` a record is a string,
 * without a byte order mark.
 *
 * @throws JobDefinitionError for options that it does not know. While the job runs, a file larger than 256 MiB, or a quarter of
 *   the worker's memory, is a RecordTooLargeError.
 *
 * @example
 * input: wholeFiles(),
 * map: (bytes, { file, emit }) => emit(createHash('sha256').update(bytes).digest('hex'), file),
 * @example
 * input: wholeFiles({ as: 'text' }),
 * map: (text, { file, emit }) => emit(file, text.split(/\s+/).length),
 */
export function wholeFiles(): Source<Buffer>;
export function wholeFiles(options: { readonly as: 'bytes' }): Source<Buffer>;
export function wholeFiles(options: WholeTextOptions): Source<string>;
export function wholeFiles(
  options: { readonly as: 'bytes' } | WholeTextOptions = { as: 'bytes' },
): Source<Buffer> | Source<string> {
  checkOptionNames('wholeFiles()', options, ['as', 'encoding', 'invalid']);
  if (options.as === 'bytes') {
    return byteRanges<Buffer>({
      name: 'whole-files',
      splittable: false,
      createParser: (piece) => new WholeFileParser(piece, (bytes) => bytes),
    });
  }
  if (options.as !== 'text') {
    throw new MapReduceError(
      'JobDefinitionError',
      `wholeFiles() received as ${preview((options as { as: unknown }).as)}; it must be 'text' or 'bytes'.`,
    );
  }
  const expected = textEncoding(options.encoding ?? 'utf8', 'wholeFiles');
  const invalid = checkedInvalid(options.invalid ?? 'replace', 'wholeFiles');
  return byteRanges<string>({
    name: `whole-files(text, ${expected.label})`,
    splittable: false,
    isText: true,
    look: (head) => lookForMark(head, expected),
    createParser(piece) {
      const encoding = typeof piece.look === 'string' ? textEncoding(piece.look) : expected;
      return new WholeFileParser(piece, (bytes) => decodeFile(bytes, { piece, encoding, invalid }));
    },
  });
}

/** Returns undefined for a file that is a bad record and is skipped. */
function decodeFile(
  bytes: Buffer,
  { piece, encoding, invalid }: { piece: OpenPiece; encoding: TextEncoding; invalid: 'replace' | 'bad' },
): string | undefined {
  const content = bytes.subarray(encoding.markBytes(bytes));
  const text = encoding.decode(content);
  if (text !== undefined) return text;
  if (invalid === 'replace') {
    piece.count(`files not valid ${encoding.name}`);
    return encoding.replace(content);
  }
  piece.bad({
    message: `the file is not valid ${encoding.name}: it reads ${preview(encoding.replace(content))}. Name its encoding, for example wholeFiles({ as: 'text', encoding: 'windows-1252' }), or read it as bytes`,
    offset: 0,
  });
  return undefined;
}

class WholeFileParser<R> implements RecordParser<R> {
  ownedBytes = 0;

  readonly #recordBytesMax: number;
  readonly #toRecord: (bytes: Buffer) => R | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(piece: OpenPiece, toRecord: (bytes: Buffer) => R | undefined) {
    this.#recordBytesMax = piece.recordBytesMax;
    this.#toRecord = toRecord;
  }

  push(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#recordBytesMax) {
      throw new MapReduceError(
        'RecordTooLargeError',
        `the file is larger than ${this.#recordBytesMax} bytes, the maximum for one record, and wholeFiles() makes one record of it. Choose an input format that reads it in parts, such as bytesLines() or fixedLength(), or split the file.`,
        { details: { offsetBytes: 0 } },
      );
    }
    this.#chunks.push(Buffer.from(chunk));
    return false;
  }

  finish(deliver: (record: R) => void): void {
    const [first = EMPTY] = this.#chunks;
    const bytes = this.#chunks.length > 1 ? Buffer.concat(this.#chunks, this.#bytes) : first;
    this.#chunks.length = 0;
    const record = this.#toRecord(bytes);
    if (record !== undefined) deliver(record);
    this.ownedBytes = this.#bytes;
  }

  recordOffsetBytes(): number {
    return 0;
  }
}

const EMPTY = Buffer.alloc(0);
