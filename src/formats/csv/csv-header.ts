/** Reads what names the columns of a file: its first record, or a line `#Fields:`. */
import { MapReduceError } from '../../base/errors.ts';
import { KiB } from '../../base/limits.ts';
import type { OpenPiece } from '../source.ts';
import { Cells } from './cells.ts';
import type { CsvDialect, CsvEncoding, CsvHeader } from './csv-options.ts';
import { CsvScanner, INCOMPLETE, MALFORMED, NEWLINE } from './csv-scanner.ts';
import { malformedMessage } from './messages.ts';
import { fieldsIn, noFields } from './w3c-fields.ts';

export interface Header {
  /** Empty if the file holds no record. */
  readonly names: readonly string[];
  /** Where the first record after it starts. */
  readonly endBytes: number;
}

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** How a header is read. */
export interface HeaderText {
  readonly dialect: CsvDialect;
  readonly encoding: CsvEncoding;
  readonly header: CsvHeader;
}

/** Nearly all headers are shorter. */
const FIRST_RANGE_BYTES = 16 * KiB;

/**
 * Reads the header for a piece that starts in the middle of a file.
 *
 * @throws CorruptInputError for a malformed header; RecordTooLargeError
 */
export async function readHeader(piece: OpenPiece, text: HeaderText): Promise<Header> {
  const { recordBytesMax } = piece;
  for (let sizeBytes = Math.min(FIRST_RANGE_BYTES, recordBytesMax); ; sizeBytes *= 4) {
    const bytes = await piece.range(0, sizeBytes);
    const header = headerOf(bytes, bytes.length < sizeBytes, text);
    if (header !== undefined) return header;
    if (sizeBytes > recordBytesMax) {
      throw new MapReduceError(
        'RecordTooLargeError',
        `the header is longer than ${recordBytesMax} bytes, the maximum for one record. Check that the file is CSV with the delimiter and line ends that the job expects.`,
        { details: { offsetBytes: 0 } },
      );
    }
  }
}

/**
 * @param bytes  from the start of the file
 * @returns undefined if the header's end has not arrived
 * @throws CorruptInputError for a malformed header
 */
export function headerOf(
  bytes: Buffer,
  isEnd: boolean,
  { dialect, encoding, header }: HeaderText,
): Header | undefined {
  const scanner = new CsvScanner(dialect);
  scanner.use(bytes);
  if (bytes.length < MARK.length && !isEnd) return undefined;
  let at = bytes.subarray(0, MARK.length).equals(MARK) ? MARK.length : 0;
  while (at < bytes.length) {
    if (bytes[at] === dialect.comment) {
      const newline = bytes.indexOf(NEWLINE, at);
      if (newline === -1 && !isEnd) return undefined;
      const next = newline === -1 ? bytes.length : newline + 1;
      const names = header === 'w3c' ? fieldsIn(bytes, at, next) : undefined;
      if (names !== undefined && names.length > 0) return { names, endBytes: next };
      at = next;
      continue;
    }
    const next = scanner.scan(at, bytes.length, isEnd);
    if (next === INCOMPLETE) return undefined;
    if (next === MALFORMED) {
      const message = malformedMessage(scanner.malformed!, {
        bytes,
        offset: 0,
        lineStart: at,
        lineEnd: bytes.length,
        isMultiline: dialect.multiline,
      });
      throw new MapReduceError('CorruptInputError', `the header is malformed: ${message}`, {
        details: { offsetBytes: at },
      });
    }
    const cells = new Cells(scanner, { quote: dialect.quote, encoding });
    cells.select(at);
    const start = at;
    at = next;
    // Empty lines before the header.
    if (scanner.columnCount === 1 && cells.isEmpty(0)) continue;
    if (header === 'w3c') throw noFields(cells.text(0), start);
    const names = Array.from({ length: scanner.columnCount }, (_, column) => cells.text(column));
    return { names, endBytes: next };
  }
  return isEnd ? { names: [], endBytes: bytes.length } : undefined;
}
