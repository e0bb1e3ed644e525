/**
 * Turns the bytes of a piece into records:
 *
 *     bytes fed    |..x,1\n|code,name\n|DE,Germ|any\n...
 *                   seek    header      records, whose end may be in the next chunk
 *
 * The rules, which hold for every cut of a file into pieces:
 *
 *   - A record belongs to the piece in which its first byte lies. The header is the first record of the file.
 *   - A line that is empty is a record of one empty column. In files of several columns it is skipped.
 *   - A byte order mark at byte 0 is skipped. The last record needs no line end.
 *   - A record that breaks the grammar is bad, and reading continues with the next line after the record's first byte. So a
 *     stray quote costs one line, even if a quote that happens to close it comes much later. A record with the wrong number
 *     of columns, or with a value of the wrong type, is bad as a whole.
 *
 * Where the next record starts depends only on where the record before it starts, and not on the piece or the chunks. If
 * the records of one piece end where those of the next one start, both pieces together read what one piece would read.
 */
import { MapReduceError } from '../../base/errors.ts';
import { KiB } from '../../base/limits.ts';
import type { RecordParser } from '../byte-ranges.ts';
import type { OpenPiece } from '../source.ts';
import { Cells } from './cells.ts';
import { type Header, headerOf } from './csv-header.ts';
import { type CsvDialect, type CsvEncoding, type CsvHeader, NONE } from './csv-options.ts';
import { CsvScanner, INCOMPLETE, MALFORMED, NEWLINE } from './csv-scanner.ts';
import { malformedMessage, wrongColumnCount } from './messages.ts';
import { RecordStart } from './record-start.ts';
import type { RowMaker } from './rows.ts';
import { ScannedRows } from './scanned-rows.ts';
import { checkSameFields, fieldsIn } from './w3c-fields.ts';

export interface CsvFormat<R> {
  readonly dialect: CsvDialect;
  readonly encoding: CsvEncoding;
  /** What names the columns of each file. */
  readonly header: CsvHeader;
  /** Whether a byte order mark is skipped. */
  readonly skipsMark: boolean;
  /** @throws CorruptInputError for a header without a column that is wanted */
  rows(header: readonly string[] | undefined): RowMaker<R>;
}

/** How much of a chunk is copied to the record before it, at first. */
const JOINED_BYTES = 8 * KiB;
const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

const GUESS_HINT =
  'Or a task that started in the middle of the file took quotes for the wrong ones: then use multiline: false if no field holds a line end, otherwise split: false.';

export class CsvParser<R> implements RecordParser<R> {
  readonly #piece: OpenPiece;
  readonly #format: CsvFormat<R>;
  readonly #scanner: CsvScanner;
  readonly #cells: Cells;
  /** Undefined until the header is known. */
  #rows: RowMaker<R> | undefined;
  /** Undefined if the kernel cannot read the rows. */
  #scanned: ScannedRows | undefined;
  #names: readonly string[] = [];

  /** Looks for the first record. Undefined once it is found. */
  #start: RecordStart | undefined;
  /** If quotes play no part in it: whether the newline before the first record has not been found yet. */
  #skipping = false;
  #startBytes: number;
  /** The offset of the next record. */
  #nextBytes: number;
  #recordOffset: number;
  /** The offset of the bytes that are being parsed. */
  #bytesOffset = 0;
  /** The offset of the next chunk. */
  #chunkOffset: number;
  #complete = false;

  /** The bytes from the next record to the next chunk. */
  #carried: Buffer[] = [];
  #carriedBytes = 0;
  /** They are scanned again once there are this many, so that a record of n chunks costs O(n). */
  #scanAtBytes = 0;

  /** Whether the first record is where it seemed likely. */
  #isGuess = false;

  /** Absent if the first record is certain. */
  readonly covered?: () => { readonly startBytes: number; readonly endBytes: number };

  /** @param header  of the file, for a piece that does not start at byte 0 */
  constructor(piece: OpenPiece, format: CsvFormat<R>, header?: Header) {
    const { startBytes } = piece;
    this.#piece = piece;
    this.#format = format;
    this.#scanner = new CsvScanner(format.dialect);
    this.#cells = new Cells(this.#scanner, { quote: format.dialect.quote, encoding: format.encoding });
    this.#chunkOffset = Math.max(0, startBytes - 1);
    this.#startBytes = startBytes;
    this.#nextBytes = startBytes;
    this.#recordOffset = startBytes;
    if (format.dialect.multiline) {
      this.covered = () => ({ startBytes: this.#startBytes, endBytes: this.#nextBytes });
    }
    if (!format.header) this.#useRows(format.rows(undefined));
    else if (header !== undefined) this.#useHeader(header.names);
    if (startBytes === 0) {
      this.#complete = piece.endBytes === 0;
      return;
    }
    if (header !== undefined && startBytes <= header.endBytes) this.#startAt(header.endBytes);
    else if (format.dialect.multiline) this.#start = new RecordStart(format.dialect, piece);
    else this.#skipping = true;
  }

  get ownedBytes(): number {
    return this.#nextBytes - this.#startBytes;
  }

  recordOffsetBytes(): number {
    return this.#recordOffset;
  }

  push(chunk: Buffer, deliver: (record: R) => void): boolean {
    if (this.#complete) return true;
    const offset = this.#chunkOffset;
    this.#chunkOffset += chunk.length;
    let bytes = chunk;
    if (this.#start !== undefined) {
      const first = this.#start.push(chunk);
      if (first === undefined) return false;
      bytes = this.#leaveStart(this.#start, first) ?? chunk;
    } else if (this.#skipping) {
      const newline = chunk.indexOf(NEWLINE);
      if (newline === -1) {
        // A record could start only after the next byte.
        this.#complete = this.#chunkOffset + 1 >= this.#piece.endBytes;
        return this.#complete;
      }
      this.#skipping = false;
      this.#startAt(offset + newline + 1);
    }
    if (!this.#complete && this.#nextBytes < this.#chunkOffset) this.#feed(bytes, deliver);
    return this.#complete;
  }

  finish(deliver: (record: R) => void): void {
    if (this.#complete) return;
    let bytes: Buffer | undefined;
    if (this.#start !== undefined) {
      bytes = this.#leaveStart(this.#start, this.#start.finish());
    } else if (this.#carriedBytes > 0) {
      bytes = Buffer.concat(this.#carried);
    }
    if (bytes !== undefined && !this.#complete)
      this.#parse(bytes, this.#chunkOffset - bytes.length, true, deliver);
    this.#complete = true;
  }

  /** Returns the bytes from the first record on, unless they are all in the last chunk. */
  #leaveStart(start: RecordStart, first: number): Buffer | undefined {
    this.#start = undefined;
    this.#isGuess = start.isGuess;
    this.#startAt(first);
    return start.keptFrom(first);
  }

  #startAt(offset: number): void {
    this.#startBytes = offset;
    this.#nextBytes = offset;
    this.#complete = offset >= this.#piece.endBytes;
  }

  /** Takes the bytes up to the next chunk. They start at or before the next record, or follow what is carried. */
  #feed(bytes: Buffer, deliver: (record: R) => void): void {
    const offset = this.#chunkOffset - bytes.length;
    if (this.#carriedBytes > 0 && !this.#finishCarried(bytes, offset, deliver)) return;
    this.#parse(bytes, offset, false, deliver);
    if (!this.#complete) this.#carry(Buffer.from(bytes.subarray(this.#nextBytes - offset)));
  }

  /** Parses what is carried, with the bytes after it. Returns whether the next record starts in these bytes. */
  #finishCarried(bytes: Buffer, offset: number, deliver: (record: R) => void): boolean {
    if (this.#carriedBytes + bytes.length < this.#scanAtBytes) {
      this.#carry(Buffer.from(bytes));
      return false;
    }
    const before = this.#carried;
    const carriedAt = offset - this.#carriedBytes;
    this.#carried = [];
    this.#carriedBytes = 0;
    this.#scanAtBytes = 0;
    // Nearly every record ends within the first bytes.
    let joined = Buffer.concat([...before, bytes.subarray(0, JOINED_BYTES)]);
    this.#parse(joined, carriedAt, false, deliver);
    if (!this.#complete && this.#nextBytes < offset && bytes.length > JOINED_BYTES) {
      joined = Buffer.concat([...before, bytes]);
      this.#parse(joined, carriedAt, false, deliver);
    }
    if (this.#complete) return false;
    if (this.#nextBytes >= offset) return true;
    this.#carry(joined.subarray(this.#nextBytes - carriedAt));
    this.#scanAtBytes = Math.min(this.#carriedBytes * 2, this.#piece.recordBytesMax + 1);
    return false;
  }

  #carry(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#carried.push(bytes);
    this.#carriedBytes += bytes.length;
  }

  /** Delivers the piece's records that end in the bytes, which start at `offset`. */
  #parse(bytes: Buffer, offset: number, isEnd: boolean, deliver: (record: R) => void): void {
    this.#scanner.use(bytes);
    this.#bytesOffset = offset;
    if (this.#rows === undefined && !this.#readHeader(bytes, isEnd)) return;
    const rows = this.#rows!;
    if (!this.#scanned?.open(bytes)) {
      this.#parseRecords(rows, bytes, isEnd, deliver);
      return;
    }
    try {
      this.#parseRecords(rows, bytes, isEnd, deliver, this.#scanned);
    } finally {
      this.#scanned.close();
    }
  }

  #parseRecords(
    rows: RowMaker<R>,
    bytes: Buffer,
    isEnd: boolean,
    deliver: (record: R) => void,
    scanned?: ScannedRows,
  ): void {
    const offset = this.#bytesOffset;
    const { comment } = this.#format.dialect;
    const limit = Math.min(bytes.length, this.#piece.endBytes - offset);
    let at = this.#nextBytes - offset;
    while (at < limit) {
      if (scanned !== undefined && at + offset > 0 && bytes[at] !== comment) {
        at = this.#deliverScanned(scanned, rows, at, limit, deliver);
        if (at >= limit) break;
      }
      const start = at + offset === 0 ? this.#markBytes(bytes, isEnd) : at;
      if (start === INCOMPLETE) break;
      this.#recordOffset = offset + at;
      const next =
        bytes[start] === comment
          ? this.#comment(bytes, at, isEnd)
          : this.#parseRecord(rows, bytes, start, isEnd, deliver);
      if (next === INCOMPLETE) break;
      at = next;
    }
    this.#nextBytes = offset + at;
    if (this.#nextBytes >= this.#piece.endBytes) this.#complete = true;
  }

  /** Delivers one record, unless it is malformed. Returns where the next one starts, or INCOMPLETE. */
  #parseRecord(
    rows: RowMaker<R>,
    bytes: Buffer,
    start: number,
    isEnd: boolean,
    deliver: (record: R) => void,
  ): number {
    const scanner = this.#scanner;
    const next =
      this.#scanned === undefined ? scanner.next(start, isEnd) : scanner.scan(start, bytes.length, isEnd);
    if (next < 0 || next - start > this.#piece.recordBytesMax)
      return this.#unfinished(next, bytes, start, isEnd);
    if (next > start) {
      this.#cells.select(start);
      if (scanner.columnCount === rows.columnCount || this.#hasColumns(rows))
        this.#deliverRecord(rows.make(this.#cells), deliver);
    }
    return next;
  }

  /** Delivers the records that the kernel can read. Returns where the record starts that it cannot, or `limit` or more. */
  #deliverScanned(
    scanned: ScannedRows,
    rows: RowMaker<R>,
    start: number,
    limit: number,
    deliver: (record: R) => void,
  ): number {
    let at = start;
    let isStopped = false;
    while (!isStopped && at < limit) {
      const count = scanned.scan(at);
      const end = scanned.next;
      at = this.#deliverRows(scanned, rows, count, at, limit, deliver);
      // A record that is too long is not regular either.
      isStopped = scanned.isStopped || at < end;
    }
    return at;
  }

  /** A function of its own, so that V8 compiles one loop. */
  #deliverRows(
    scanned: ScannedRows,
    rows: RowMaker<R>,
    count: number,
    start: number,
    limit: number,
    deliver: (record: R) => void,
  ): number {
    const cells = this.#cells;
    const offset = this.#bytesOffset;
    const { recordBytesMax } = this.#piece;
    const maker = rows.scanned!;
    let at = start;
    for (let row = 0; row < count; row++) {
      scanned.select(row);
      const end = scanned.recordEnd;
      if (at >= limit || end - at > recordBytesMax) break;
      this.#recordOffset = offset + at;
      cells.select(at);
      this.#deliverRecord(maker.make(scanned, cells), deliver);
      at = end;
    }
    return at;
  }

  #deliverRecord(record: R | undefined, deliver: (record: R) => void): void {
    const { problem, isReplaced } = this.#cells;
    if (problem !== undefined) {
      this.#bad(problem);
      return;
    }
    if (isReplaced) this.#piece.count('records not valid UTF-8');
    // There is a record unless there is a problem.
    deliver(record as R);
  }

  /** Returns false if there are no names. */
  #useHeader(names: readonly string[]): boolean {
    if (names.length === 0) return false;
    this.#names = names;
    this.#useRows(this.#format.rows(names));
    return true;
  }

  #useRows(rows: RowMaker<R>): void {
    this.#rows = rows;
    const { scanned, columnCount, moreAllowed } = rows;
    const { dialect } = this.#format;
    if (scanned !== undefined)
      this.#scanned = ScannedRows.of({ dialect, columns: scanned.columns, columnCount, moreAllowed });
  }

  /** For the bytes from the start of the file. Returns false if the header's end has not arrived, and if there is none. */
  #readHeader(bytes: Buffer, isEnd: boolean): boolean {
    const header = headerOf(bytes, isEnd, this.#format);
    if (header === undefined) {
      if (bytes.length > this.#piece.recordBytesMax) throw this.#tooLarge();
      return false;
    }
    this.#nextBytes = header.endBytes;
    return this.#useHeader(header.names);
  }

  /** The size of the mark at the start of the file. */
  #markBytes(bytes: Buffer, isEnd: boolean): number {
    if (!this.#format.skipsMark) return 0;
    if (bytes.length < MARK.length && !isEnd) return INCOMPLETE;
    return bytes.subarray(0, MARK.length).equals(MARK) ? MARK.length : 0;
  }

  /** For a record with another number of columns than expected: whether that is allowed. Reports it, unless it is empty. */
  #hasColumns({ columnCount, moreAllowed }: RowMaker<R>): boolean {
    const cells = this.#cells;
    if (columnCount === -1 || (moreAllowed && cells.columnCount > columnCount)) return true;
    if (cells.columnCount > 1 || !cells.isEmpty(0)) {
      this.#bad(
        wrongColumnCount(cells, {
          columnCount,
          isHeader: this.#format.header !== false,
          hasQuotes: this.#format.dialect.quote !== NONE,
        }),
      );
    }
    return false;
  }

  /** For a record that is incomplete, malformed or too long. Returns where reading continues, or INCOMPLETE. */
  #unfinished(found: number, bytes: Buffer, at: number, isEnd: boolean): number {
    const scanner = this.#scanner;
    const { recordBytesMax } = this.#piece;
    const isUnclosed = found === MALFORMED && scanner.malformed!.what === 'unclosed quote';
    const reached =
      found >= 0 ? found : found === MALFORMED && !isUnclosed ? scanner.malformed!.at + 1 : bytes.length;
    if (reached - at > recordBytesMax && !(isUnclosed && !this.#format.dialect.multiline)) {
      // The result must not depend on how much is known beyond the bound.
      const again = scanner.scan(at, at + recordBytesMax, false);
      if (again !== INCOMPLETE || scanner.openQuoteAt === -1) throw this.#tooLarge();
      scanner.malformed = {
        what: 'unclosed quote',
        column: scanner.columnCount - 1,
        at: scanner.openQuoteAt,
      };
    } else if (found === INCOMPLETE) {
      return INCOMPLETE;
    }
    const next = this.#lineEnd(bytes, at, isEnd);
    if (next === INCOMPLETE) return INCOMPLETE;
    this.#bad(
      malformedMessage(scanner.malformed!, {
        bytes,
        offset: this.#bytesOffset,
        lineStart: at,
        lineEnd: next,
        isMultiline: this.#format.dialect.multiline,
      }),
    );
    return next;
  }

  /** Returns where the line after the comment starts, or INCOMPLETE. */
  #comment(bytes: Buffer, at: number, isEnd: boolean): number {
    const next = this.#lineEnd(bytes, at, isEnd);
    if (next !== INCOMPLETE && this.#format.header === 'w3c') {
      checkSameFields(fieldsIn(bytes, at, next), this.#names, this.#bytesOffset + at);
    }
    return next;
  }

  /** The start of the next line. */
  #lineEnd(bytes: Buffer, at: number, isEnd: boolean): number {
    const newline = bytes.indexOf(NEWLINE, at);
    const next = newline === -1 ? bytes.length : newline + 1;
    if (next - at > this.#piece.recordBytesMax) throw this.#tooLarge();
    return newline === -1 && !isEnd ? INCOMPLETE : next;
  }

  #bad(message: string): void {
    const hint = this.#isGuess ? ` ${GUESS_HINT}` : '';
    this.#piece.bad({ message: message + hint, offset: this.#recordOffset });
  }

  #tooLarge(): MapReduceError {
    const offsetBytes = this.#recordOffset;
    return new MapReduceError(
      'RecordTooLargeError',
      `the record that starts at byte ${offsetBytes} is longer than ${this.#piece.recordBytesMax} bytes, the maximum for one record. Check that the file is CSV with the delimiter and line ends that the job expects.`,
      { details: { offsetBytes } },
    );
  }
}
