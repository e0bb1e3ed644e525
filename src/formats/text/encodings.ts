/**
 * Encodings of text, and what is valid in each. Encodings other than UTF-8, UTF-16 and 'latin1' are those of the WHATWG
 * Encoding Standard, decoded by TextDecoder: the runtime's own tables, with ICU.
 *
 * In all of them that are accepted here, except UTF-16, the byte 0x0a is a line end and nothing else, even after bytes that
 * are not valid. So a file can be cut into lines before it is decoded. A test verifies this for each encoding.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { MapReduceError } from '../../base/errors.ts';
import { preview } from '../../base/show-value.ts';
import { byteOrderMarkBytes } from '../line-blocks.ts';

/**
 * The label of an encoding: 'utf8', 'utf-16le', 'windows-1252', 'shift_jis', 'gb18030' or any other that TextDecoder knows.
 * 'latin1' is the exception: it turns every byte into the character of the same number, so no byte is lost, whereas the
 * standard reads 'iso-8859-1' as windows-1252.
 */
export type EncodingLabel = 'utf8' | 'latin1' | (string & {});

/** Options of `textLines()`, and of `wholeFiles({ as: 'text' })`. */
export interface TextOptions {
  /**
   * Default: 'utf8'. A file that starts with a byte order mark of UTF-8 or UTF-16 is read as the mark says, whatever the
   * encoding, unless it is 'latin1'.
   */
  readonly encoding?: EncodingLabel;
  /**
   * What happens to a record that is not valid in the encoding. 'replace', the default: what is not valid becomes U+FFFD,
   * and a counter such as 'lines not valid UTF-8' says how many records that were. 'bad': it is a bad record, which fails
   * the job or is skipped.
   */
  readonly invalid?: 'replace' | 'bad';
}

/** Turns bytes into text. */
export interface TextEncoding {
  /** As people write it: UTF-8, UTF-16LE, shift_jis. */
  readonly name: string;
  /** What `textEncoding()` takes. */
  readonly label: string;
  /** The text, or undefined if the bytes are not valid. */
  decode(bytes: Buffer): string | undefined;
  /** The text, with U+FFFD for what is not valid. */
  replace(bytes: Buffer): string;
  /** How many bytes at the start of a file are its byte order mark. */
  markBytes(head: Buffer): number;
}

/** @throws JobDefinitionError for an encoding that cannot be read; the message starts with the name of the caller */
export function textEncoding(label: EncodingLabel, caller = 'textLines'): TextEncoding {
  if (label === 'utf8') return UTF_8;
  if (label === 'latin1') return LATIN_1;
  let name: string;
  try {
    name = new TextDecoder(label).encoding;
  } catch (cause) {
    throw refused(label, caller, 'which this runtime does not know', cause);
  }
  if (STATEFUL.has(name)) {
    throw refused(label, caller, 'in which the meaning of a byte depends on all bytes before it');
  }
  if (name === 'utf-8') return UTF_8;
  if (name === 'utf-16le') return UTF_16LE;
  if (name === 'utf-16be') return UTF_16BE;
  return new StandardEncoding(name);
}

/** @throws JobDefinitionError */
export function checkedInvalid(invalid: unknown, caller: string): 'replace' | 'bad' {
  if (invalid === 'replace' || invalid === 'bad') return invalid;
  throw new MapReduceError(
    'JobDefinitionError',
    `${caller}() received invalid ${preview(invalid)}; it must be 'replace' or 'bad'.`,
  );
}

const STATEFUL: ReadonlySet<string> = new Set(['iso-2022-jp', 'iso-2022-kr', 'hz-gb-2312', 'replacement']);

function refused(label: unknown, caller: string, why: string, cause?: unknown): MapReduceError {
  return new MapReduceError(
    'JobDefinitionError',
    `${caller}() received encoding ${preview(label)}, ${why}. Name an encoding that TextDecoder knows, such as 'utf-8', 'utf-16le', 'windows-1252', 'shift_jis' or 'gb18030', or 'latin1' for bytes as characters; convert files of other encodings first, for example with iconv -t UTF-8.`,
    { cause },
  );
}

/**
 * What `Source.look` remembers of a file: the label of its encoding if that is not the one expected, or is UTF-16.
 *
 * @throws CorruptInputError for a file that is certainly not UTF-16, as expected
 */
export function lookForMark(head: Buffer, expected: TextEncoding): string | undefined {
  if (expected === LATIN_1) return undefined;
  const marked = markedEncoding(head);
  if (marked === undefined && isUtf16(expected) && isAsciiText(head)) {
    throw new MapReduceError(
      'CorruptInputError',
      `the file starts with ASCII text, ${preview(head.toString('latin1', 0, 20))}, but the job reads it as ${expected.name}. Remove 'encoding' from the job's input if its files are UTF-8`,
    );
  }
  const found = marked ?? expected;
  return found === expected && !isUtf16(expected) ? undefined : found.label;
}

/** ASCII characters side by side are valid UTF-16 too, and Chinese. That 16 in a row are ASCII has odds of a million to one. */
function isAsciiText(head: Buffer): boolean {
  return (
    head.length >= 32 && isAscii(head) && head.every((byte) => byte >= 0x20 || (byte >= 0x08 && byte <= 0x0d))
  );
}

export function isUtf16(encoding: TextEncoding): boolean {
  return encoding === UTF_16LE || encoding === UTF_16BE;
}

/** The encoding that a file's byte order mark shows. UTF-32 is not one of them. */
function markedEncoding(head: Buffer): TextEncoding | undefined {
  if (UTF_8.markBytes(head) > 0) return UTF_8;
  if (UTF_16BE.markBytes(head) > 0) return UTF_16BE;
  const isUtf32 = head.length >= 4 && head[2] === 0 && head[3] === 0;
  return UTF_16LE.markBytes(head) > 0 && !isUtf32 ? UTF_16LE : undefined;
}

export const UTF_8: TextEncoding = {
  name: 'UTF-8',
  label: 'utf8',
  decode(bytes) {
    if (isAscii(bytes)) return bytes.toString('latin1');
    const text = bytes.toString('utf8');
    // Costs less than isUtf8() for text that is valid.
    return text.includes('\ufffd') && !isUtf8(bytes) ? undefined : text;
  },
  replace: (bytes) => bytes.toString('utf8'),
  markBytes: byteOrderMarkBytes,
};

export const LATIN_1: TextEncoding = {
  name: 'latin1',
  label: 'latin1',
  decode: (bytes) => bytes.toString('latin1'),
  replace: (bytes) => bytes.toString('latin1'),
  markBytes: () => 0,
};

export const UTF_16LE: TextEncoding = {
  name: 'UTF-16LE',
  label: 'utf-16le',
  decode(bytes) {
    if (bytes.length % 2 !== 0) return undefined;
    const text = bytes.toString('utf16le');
    return text.isWellFormed() ? text : undefined;
  },
  replace: (bytes) => `${bytes.toString('utf16le').toWellFormed()}${bytes.length % 2 === 0 ? '' : '\ufffd'}`,
  markBytes: (head) => (head.length >= 2 && head[0] === 0xff && head[1] === 0xfe ? 2 : 0),
};

export const UTF_16BE: TextEncoding = {
  name: 'UTF-16BE',
  label: 'utf-16be',
  decode: (bytes) => UTF_16LE.decode(swapped(bytes)),
  replace: (bytes) => UTF_16LE.replace(swapped(bytes)),
  markBytes: (head) => (head.length >= 2 && head[0] === 0xfe && head[1] === 0xff ? 2 : 0),
};

/** A copy in the other byte order. A single byte at the end stays where it is. */
export function swapped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.subarray(0, copy.length & ~1).swap16();
  return copy;
}

/** An encoding of the standard in which ASCII characters are single bytes. */
class StandardEncoding implements TextEncoding {
  readonly name: string;
  readonly label: string;
  readonly #strict: InstanceType<typeof TextDecoder>;
  readonly #lossy: InstanceType<typeof TextDecoder>;

  constructor(name: string) {
    this.name = name;
    this.label = name;
    this.#strict = new TextDecoder(name, { fatal: true, ignoreBOM: true });
    this.#lossy = new TextDecoder(name, { ignoreBOM: true });
  }

  decode(bytes: Buffer): string | undefined {
    // Also because ICU's table of shift_jis permutes three control characters.
    if (isAscii(bytes)) return bytes.toString('latin1');
    try {
      return this.#strict.decode(bytes);
    } catch {
      return undefined;
    }
  }

  replace(bytes: Buffer): string {
    return this.#lossy.decode(bytes);
  }

  markBytes(): number {
    return 0;
  }
}
