/**
 * Reads a file that holds one JSON document. The document is never held as a whole. The parser keeps the bytes of the element
 * that it reads; what else is in the document is verified and forgotten:
 *
 *     {"version":1,"Records":[{...},{...},{...}],"next":null}
 *      ^ skipped              ^ element           ^ skipped
 *                             |------------ bytes held --->
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { MapReduceError } from '../../base/errors.ts';
import { preview } from '../../base/show-value.ts';
import { parseJson, parseJsonExactly } from '../../codec/parse-json.ts';
import { raw } from '../../codec/raw-bytes.ts';
import type { RecordParser } from '../byte-ranges.ts';
import { byteOrderMarkBytes } from '../line-blocks.ts';
import type { OpenPiece } from '../source.ts';
import { type SchemaCheck, SchemaRefusal } from '../standard-schema.ts';
import { HeldBytes } from './held-bytes.ts';
import { characterAt, quoted, validUtf8Bytes } from './not-json.ts';
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  isNumberStart,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  SPACES,
  skipColon,
  skipSpaces,
  skipString,
  skipValue,
} from './scan.ts';

/** What comes next in the document. */
type Next =
  /** The value that the first `depth` names of the path lead to. */
  | 'value'
  | 'first name'
  | 'name'
  | 'after member'
  | 'first element'
  | 'element'
  | 'after element'
  /** White space. */
  | 'end'
  /** The document is bad: the rest of the file is not read. */
  | 'nothing';

const NAMES_SHOWN_MAX = 8;

/** What `jsonDocuments()` has made of its options. */
export interface DocumentReading<T> {
  /** The names that lead to the array of records. */
  readonly path: readonly string[];
  readonly exactIntegers: boolean;
  readonly check: SchemaCheck<T> | undefined;
}

export class DocumentParser<T> implements RecordParser<T> {
  ownedBytes = 0;

  readonly #piece: OpenPiece;
  readonly #path: readonly string[];
  readonly #check: SchemaCheck<T> | undefined;
  readonly #parseText: (text: string) => unknown;

  readonly #held = new HeldBytes();
  /** Until this many bytes are held, what is incomplete is not scanned again, so that n bytes cost O(n). */
  #enoughBytes = 0;
  #isLast = false;
  /** Whether all bytes that are held are ASCII. */
  #isAscii = false;

  #next: Next = 'value';
  /** How many objects on the path are open. */
  #depth = 0;
  /** Whether the innermost of them has the next name of the path, and some names that it has. */
  #found = false;
  #names: string[] = [];
  #records = 0;
  #recordOffset = 0;

  constructor(piece: OpenPiece, { path, exactIntegers, check }: DocumentReading<T>) {
    this.#piece = piece;
    this.#path = path;
    this.#check = check;
    this.#parseText = exactIntegers ? parseJsonExactly : parseJson;
  }

  push(chunk: Buffer, deliver: (record: T) => void): boolean {
    if (this.#next === 'nothing') {
      this.ownedBytes += chunk.length;
      return false;
    }
    const held = this.#held;
    held.append(chunk);
    if (held.length - held.at >= this.#enoughBytes) this.#read(deliver);
    return false;
  }

  finish(deliver: (record: T) => void): void {
    this.#isLast = true;
    if (this.#next === 'nothing') return;
    const next = this.#read(deliver);
    const { length, at } = this.#held;
    if (next === 'value' && this.#depth === 0 && at === length) {
      this.#refuse(at, `the file holds no JSON document. Remove the file`);
    } else if (next !== 'end' && next !== 'nothing') {
      this.#refuse(length, `the document ends too early (${this.#quoted(length)})${this.#loss()}. ${REPAIR}`);
    }
  }

  recordOffsetBytes(): number {
    return this.#recordOffset;
  }

  /** Reads what is complete, and returns what comes next. */
  #read(deliver: (record: T) => void): Next {
    const held = this.#held;
    if (held.offsetOf(held.at) === 0) {
      if (held.length < 3 && !this.#isLast) return this.#next;
      held.at = byteOrderMarkBytes(held.all());
    }
    this.#isAscii = isAscii(held.all());
    while (this.#step(deliver)) {}
    if (this.#next !== 'nothing') this.ownedBytes = held.offsetOf(held.at);
    return this.#next;
  }

  /** Reads a token, a record or a member that is skipped. Returns false if there is no more, or more bytes are needed. */
  #step(deliver: (record: T) => void): boolean {
    const held = this.#held;
    held.at = skipSpaces(held.bytes, held.at, SPACES);
    if (held.at >= held.length) return false;
    const byte = held.bytes[held.at]!;
    switch (this.#next) {
      case 'value':
        return this.#value(byte, deliver);
      case 'first name':
        return byte === CLOSE_OBJECT ? this.#closeObject() : this.#member();
      case 'name':
        return this.#member();
      case 'after member':
        if (byte === CLOSE_OBJECT) return this.#closeObject();
        return byte === COMMA ? this.#token('name') : this.#refuseByte();
      case 'first element':
        return byte === CLOSE_ARRAY
          ? this.#token(this.#afterValue())
          : this.#record(deliver, 'after element');
      case 'element':
        return this.#record(deliver, 'after element');
      case 'after element':
        if (byte === CLOSE_ARRAY) return this.#token(this.#afterValue());
        return byte === COMMA ? this.#token('element') : this.#refuseByte();
      case 'end':
        return this.#refuse(
          held.at,
          `unexpected ${characterAt(held.all(), held.at)} after the document (${this.#quoted(held.at)}). Write one document to each file, or read one value per line with jsonLines()`,
        );
      case 'nothing':
        return false;
    }
  }

  #token(next: Next): boolean {
    this.#held.at += 1;
    this.#next = next;
    return true;
  }

  #afterValue(): Next {
    return this.#depth === 0 ? 'end' : 'after member';
  }

  #value(byte: number, deliver: (record: T) => void): boolean {
    const isWhole = this.#depth === this.#path.length;
    if (!isWhole && byte === OPEN_OBJECT) {
      this.#depth += 1;
      this.#found = false;
      this.#names = [];
      return this.#token('first name');
    }
    if (isWhole && byte === OPEN_ARRAY) return this.#token('first element');
    if (this.#path.length === 0) return this.#record(deliver, 'end');
    const { at } = this.#held;
    return this.#refuse(
      at,
      `${pathText(this.#path.slice(0, this.#depth))} is not an ${isWhole ? 'array' : 'object'} (${this.#quoted(at)}), so there are no records at path ${pathText(this.#path)}. ${CORRECT_PATH}`,
    );
  }

  #closeObject(): boolean {
    if (!this.#found) {
      const names = this.#names.map((name) => preview(name)).join(', ');
      const inside = this.#depth === 1 ? 'the document' : pathText(this.#path.slice(0, this.#depth - 1));
      return this.#refuse(
        this.#held.at,
        `${inside} has no ${preview(this.#path[this.#depth - 1])}, which path ${pathText(this.#path)} leads through; it has ${names === '' ? 'no names' : names}. ${CORRECT_PATH}`,
      );
    }
    this.#depth -= 1;
    return this.#token(this.#afterValue());
  }

  /** Reads a name and its value. The value on the path comes next; any other is skipped. */
  #member(): boolean {
    const { bytes, at, length } = this.#held;
    if (bytes[at] !== QUOTE) return this.#refuseByte();
    const nameEnd = skipString(bytes, at + 1);
    if (!this.#isComplete(nameEnd, at)) return false;
    const valueAt = skipColon(bytes, nameEnd, SPACES);
    if (!this.#isComplete(valueAt, at)) return false;
    const name = this.#parse(at, nameEnd);
    if (name === undefined) return false;
    if (name.value === this.#path[this.#depth - 1]) {
      if (this.#found) {
        return this.#refuse(at, `the document has ${preview(name.value)} twice${this.#loss()}. ${REPAIR}`);
      }
      this.#found = true;
      this.#held.at = valueAt;
      this.#next = 'value';
      return true;
    }
    const end = valueAt === length ? ~length : skipValue(bytes, valueAt, SPACES);
    if (!this.#isComplete(end, valueAt)) return false;
    if (!isUtf8(bytes.subarray(valueAt, end))) return this.#refuseUtf8(valueAt, end);
    if (this.#names.length < NAMES_SHOWN_MAX) this.#names.push(String(name.value));
    this.#held.at = end;
    this.#next = 'after member';
    return true;
  }

  #record(deliver: (record: T) => void, next: Next): boolean {
    const held = this.#held;
    const { at } = held;
    const end = skipValue(held.bytes, at, SPACES);
    if (!this.#isComplete(end, at)) return false;
    const record = this.#parse(at, end);
    if (record === undefined) return false;
    this.#records += 1;
    this.#recordOffset = held.offsetOf(at);
    // The user has declared that the array holds T; only a schema verifies it.
    const checked = this.#check === undefined ? (record.value as T) : this.#check(record.value);
    if (checked instanceof SchemaRefusal) {
      this.#piece.bad({ message: checked.message, offset: this.#recordOffset });
    } else {
      deliver(checked);
    }
    held.at = end;
    this.#next = next;
    return true;
  }

  /** Parses what the scanner has accepted. Undefined if it is not UTF-8, which is reported. */
  #parse(start: number, end: number): { readonly value: unknown } | undefined {
    const { bytes } = this.#held;
    if (this.#isAscii) return { value: this.#parseText(raw(bytes).latin1Slice(start, end)) };
    if (isUtf8(bytes.subarray(start, end)))
      return { value: this.#parseText(raw(bytes).utf8Slice(start, end)) };
    this.#refuseUtf8(start, end);
    return undefined;
  }

  /**
   * Whether the scanner has reached the end of what it read. If not, either more bytes are needed or the document is bad.
   *
   * @param end  what the scanner returned
   * @param start  where it started
   */
  #isComplete(end: number, start: number): boolean {
    const { bytes, at, length } = this.#held;
    const stoppedAt = end < 0 ? ~end : end;
    if (stoppedAt - at > this.#piece.recordBytesMax) throw this.#tooLarge();
    // More digits may follow a number.
    const mayGoOn = end === length && !this.#isLast && isNumberStart(bytes[start]);
    if (end >= 0 && !mayGoOn) {
      this.#enoughBytes = 0;
      return true;
    }
    if (stoppedAt < length) {
      this.#refuseByte(stoppedAt);
    } else {
      this.#enoughBytes = Math.min(2 * (length - at), this.#piece.recordBytesMax + 1);
    }
    return false;
  }

  #tooLarge(): MapReduceError {
    const offsetBytes = this.#held.offsetOf(this.#held.at);
    const advice = this.#path.length === 0 ? ' With path, jsonDocuments() reads an array of any size.' : '';
    return new MapReduceError(
      'RecordTooLargeError',
      `the JSON value that starts at byte ${offsetBytes} is longer than ${this.#piece.recordBytesMax} bytes, the maximum for one record.${advice} Split it before the job runs.`,
      { details: { offsetBytes } },
    );
  }

  #refuseByte(at = this.#held.at): boolean {
    return this.#refuse(
      at,
      `the document is not JSON: unexpected ${characterAt(this.#held.all(), at)} (${this.#quoted(at)})${this.#loss()}. ${REPAIR}`,
    );
  }

  #refuseUtf8(start: number, end: number): boolean {
    const at = start + validUtf8Bytes(this.#held.bytes.subarray(start, end));
    return this.#refuse(
      at,
      `the document is not UTF-8 (${this.#quoted(at)})${this.#loss()}. Convert the file, for example with iconv`,
    );
  }

  /** Reports the document. The rest of the file is not read, but counts as read. */
  #refuse(at: number, message: string): false {
    const held = this.#held;
    this.#next = 'nothing';
    this.ownedBytes = held.offsetOf(held.length);
    this.#piece.bad({ message, offset: held.offsetOf(at) });
    return false;
  }

  #quoted(at: number): string {
    return quoted(this.#held.all(), at);
  }

  /** What was read of a document that turned out to be bad. */
  #loss(): string {
    return this.#records === 0 ? '' : `; the ${this.#records} records before it are read, the rest is not`;
  }
}

const REPAIR = 'Correct the document or copy it again';
const CORRECT_PATH = 'Correct path or the document';

function pathText(path: readonly string[]): string {
  return path.length === 0 ? 'the document' : preview(path.join('.'));
}
