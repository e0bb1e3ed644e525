/**
 * JSON Lines: one JSON value per line. A file may be cut anywhere, as for lines of text.
 *
 *   - A line that holds only white space is skipped, as other readers do. So is a byte order mark at byte 0.
 *   - A line that is not JSON, is not UTF-8, or does not match the schema is a bad record.
 *   - Values are those of JSON.parse: of two fields with the same name the last one counts, and a number is the nearest double,
 *     so integers beyond 2^53 are rounded, unless `exactIntegers` is set.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { preview, typeName } from '../../base/show-value.ts';
import { parseJson, parseJsonExactly, parseUnescapedJson } from '../../codec/parse-json.ts';
import { byteOrderMarkBytes, LineBlocks } from '../line-blocks.ts';
import type { OpenPiece } from '../source.ts';
import { type SchemaCheck, SchemaRefusal } from '../standard-schema.ts';
import { FieldReader } from './field-reader.ts';
import { notJsonLine, notUtf8 } from './not-json.ts';
import { ScannedLines } from './scanned-lines.ts';

/** What `jsonLines()` has made of its options. */
export interface JsonLinesReading<T> {
  readonly select: readonly string[] | undefined;
  readonly exactIntegers: boolean;
  readonly check: SchemaCheck<T> | undefined;
}

/** Reads one piece. */
export function jsonLinesParser<T>(
  piece: OpenPiece,
  { select, exactIntegers, check }: JsonLinesReading<T>,
): LineBlocks<T> {
  return select === undefined
    ? new WholeLines(piece, check, exactIntegers)
    : new SelectedFields(piece, check, new FieldReader(select, exactIntegers));
}

const NEWLINE = 0x0a;
const NEWLINE_BYTES = Buffer.from('\n');

/** What both ways to read a line have in common: the check by the schema, and bad records. */
abstract class JsonLinesParser<T> extends LineBlocks<T> {
  readonly #piece: OpenPiece;
  readonly #check: SchemaCheck<T> | undefined;

  constructor(piece: OpenPiece, check: SchemaCheck<T> | undefined) {
    super(piece);
    this.#piece = piece;
    this.#check = check;
  }

  protected checkAndDeliver(value: unknown, deliver: (record: T) => void): void {
    if (this.#check === undefined) {
      // The user has declared that the lines hold T; only a schema verifies it.
      deliver(value as T);
      return;
    }
    const checked = this.#check(value);
    if (checked instanceof SchemaRefusal) this.bad(checked.message);
    else deliver(checked);
  }

  protected bad(message: string): void {
    const line = this.lineNumber();
    this.#piece.bad({ message, offset: this.recordOffsetBytes(), ...(line === undefined ? {} : { line }) });
  }
}

/** Parses each line. */
class WholeLines<T> extends JsonLinesParser<T> {
  readonly #parse: (text: string) => unknown;
  readonly #parseUnescaped: (text: string) => unknown;

  constructor(piece: OpenPiece, check: SchemaCheck<T> | undefined, exactIntegers: boolean) {
    super(piece, check);
    this.#parse = exactIntegers ? parseJsonExactly : parseJson;
    this.#parseUnescaped = exactIntegers ? parseJsonExactly : parseUnescapedJson;
  }

  protected override deliverBlock(block: Buffer, blockOffset: number, deliver: (record: T) => void): void {
    const start = blockOffset === 0 ? byteOrderMarkBytes(block) : 0;
    if (!isUtf8(block)) {
      this.#deliverEachLine(block, start, deliver);
      return;
    }
    const text = isAscii(block) ? block.toString('latin1') : block.toString('utf8', start);
    const parse = block.includes(BACKSLASH) ? this.#parse : this.#parseUnescaped;
    for (let from = 0; from < text.length; ) {
      const newline = text.indexOf('\n', from);
      const end = newline === -1 ? text.length : newline;
      this.linesSeen += 1;
      this.#parseAndDeliver(text.slice(from, end), parse, deliver);
      from = end + 1;
    }
  }

  #parseAndDeliver(line: string, parse: (text: string) => unknown, deliver: (record: T) => void): void {
    let value: unknown;
    try {
      value = parse(line);
    } catch {
      if (!isBlank(line)) this.bad(notJsonLine(Buffer.from(line)));
      return;
    }
    this.checkAndDeliver(value, deliver);
  }

  /** For a block in which some line is not UTF-8. */
  #deliverEachLine(block: Buffer, start: number, deliver: (record: T) => void): void {
    for (let from = start; from < block.length; ) {
      const newline = block.indexOf(NEWLINE, from);
      const line = block.subarray(from, newline === -1 ? block.length : newline);
      this.linesSeen += 1;
      if (isUtf8(line)) this.#parseAndDeliver(line.toString(), this.#parse, deliver);
      else this.bad(notUtf8(line));
      from += line.length + 1;
    }
  }
}

const BACKSLASH = 0x5c;

/** Reads some fields of each line. */
class SelectedFields<T> extends JsonLinesParser<T> {
  readonly #reader: FieldReader;
  readonly #scanned: ScannedLines | undefined;

  constructor(piece: OpenPiece, check: SchemaCheck<T> | undefined, reader: FieldReader) {
    super(piece, check);
    this.#reader = reader;
    this.#scanned = ScannedLines.of(reader);
  }

  protected override deliverBlock(block: Buffer, blockOffset: number, deliver: (record: T) => void): void {
    const bytes = block.at(-1) === NEWLINE ? block : Buffer.concat([block, NEWLINE_BYTES]);
    const scanned = this.#scanned;
    let from = blockOffset === 0 ? byteOrderMarkBytes(bytes) : 0;
    if (scanned?.open(bytes)) {
      try {
        from = this.#deliverScanned(scanned, bytes, from, deliver);
      } finally {
        scanned.close();
      }
    }
    if (from === bytes.length) return;
    this.#reader.load(bytes);
    for (; from < bytes.length; from = this.#reader.end) this.#deliverLine(bytes, from, deliver);
  }

  /** Returns where it stopped: at the end, unless some line may not be UTF-8. */
  #deliverScanned(scanned: ScannedLines, bytes: Buffer, start: number, deliver: (record: T) => void): number {
    let from = start;
    while (from < bytes.length) {
      const rows = scanned.scan(from);
      if (!scanned.isAscii && !isUtf8(bytes)) return from;
      from = scanned.next;
      this.#deliverRows(scanned, rows, bytes, deliver);
    }
    return from;
  }

  /** A function of its own, so that V8 compiles one loop. */
  #deliverRows(scanned: ScannedLines, rows: number, bytes: Buffer, deliver: (record: T) => void): void {
    for (let row = 0; row < rows; row++) {
      const record = scanned.record(row);
      if (record === undefined) {
        scanned.reader();
        this.#deliverLine(bytes, scanned.startOf(row), deliver);
      } else {
        this.linesSeen += 1;
        this.checkAndDeliver(record, deliver);
      }
    }
  }

  /** The reader must have loaded the bytes. */
  #deliverLine(bytes: Buffer, from: number, deliver: (record: T) => void): void {
    const reader = this.#reader;
    this.linesSeen += 1;
    const record = reader.read(from);
    if (record === undefined) {
      reader.end = bytes.indexOf(NEWLINE, from) + 1;
      this.#refuse(bytes.subarray(from, reader.end - 1));
    } else if (!reader.isUtf8 && !isUtf8(bytes.subarray(from, reader.end))) {
      this.bad(notUtf8(bytes.subarray(from, reader.end - 1)));
    } else {
      this.checkAndDeliver(record, deliver);
    }
  }

  /** For a line that is no JSON object. */
  #refuse(line: Buffer): void {
    if (!isUtf8(line)) {
      this.bad(notUtf8(line));
      return;
    }
    const text = line.toString();
    if (isBlank(text)) return;
    let value: unknown;
    try {
      value = parseJson(text);
    } catch {
      this.bad(notJsonLine(line));
      return;
    }
    this.bad(
      `the line holds ${preview(value)} (${typeName(value)}), but select needs objects. Remove select`,
    );
  }
}

function isBlank(line: string): boolean {
  return /^[ \t\r]*$/.test(line);
}
