/** Says what is wrong with text that is not JSON, where, and what to do. */
import { isUtf8 } from 'node:buffer';
import { SPACES_IN_LINE, skipSpaces, skipValue } from './scan.ts';

/** How much of the text is quoted before and after the place. */
const QUOTED_BYTES = 30;

/**
 * For a line that JSON.parse refuses.
 *
 * @param line  without its newline and without a byte order mark
 * @returns the message of a BadRecord, with the column (characters, from 1)
 */
export function notJsonLine(line: Buffer): string {
  // A control character ends the line for the scanner.
  const bytes = Buffer.concat([line, NEWLINE]);
  const start = skipSpaces(bytes, 0, SPACES_IN_LINE);
  const end = skipValue(bytes, start, SPACES_IN_LINE);
  const at = end < 0 ? ~end : skipSpaces(bytes, end, SPACES_IN_LINE);
  const where = `the line is not JSON: column ${columnOf(line, at)}`;
  if (at >= line.length) {
    return `${where}: the line ends inside a value (${quoted(line, at)}). Write each value on one line, or read files of one value with jsonDocuments()`;
  }
  const hint =
    end >= 0 ? 'Write one value on each line' : (hintFor(line, at) ?? 'Correct the line or what writes it');
  return `${where}: unexpected ${characterAt(line, at)} (${quoted(line, at)}). ${hint}`;
}

const NEWLINE = Buffer.from('\n');

/** For a line whose bytes are not UTF-8. */
export function notUtf8(line: Buffer): string {
  const at = validUtf8Bytes(line);
  return `the line is not UTF-8: column ${columnOf(line, at)} has byte 0x${hex(line[at]!)} (${quoted(line, at)}). Convert the file to UTF-8, for example with iconv`;
}

/** How many bytes at the start are whole characters of UTF-8. */
export function validUtf8Bytes(bytes: Buffer): number {
  let low = 0;
  let high = bytes.length;
  // Longer prefixes than `low` by up to three bytes may end inside a character.
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (isUtf8(wholeCharacters(bytes.subarray(0, middle)))) low = middle;
    else high = middle - 1;
  }
  return wholeCharacters(bytes.subarray(0, low)).length;
}

/** Without a character at the end that is cut off. */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? bytes.subarray(0, bytes.length - back) : bytes;
    }
    if (byte < 0x80) return bytes;
  }
  return bytes;
}

function hintFor(line: Buffer, at: number): string | undefined {
  const rest = line.toString('latin1', at, at + 20);
  if (rest.startsWith("'")) return 'JSON needs double quotes';
  if (/^(-?Infinity|NaN|undefined|None)/.test(rest)) return 'JSON has no such value: use null or a string';
  if (/^(True|False)/.test(rest)) return 'JSON has true and false in lower case';
  if (/^[}\]]/.test(rest) && /,\s*$/.test(line.toString('latin1', Math.max(0, at - 20), at))) {
    return 'Remove the comma before it';
  }
  if (line[at]! < 0x20) return 'Escape control characters in strings';
  if (rest.startsWith('\xef\xbb\xbf')) return 'Remove the byte order mark';
  return undefined;
}

/** Characters before the place, plus 1. Bytes that are not UTF-8 count as one or more characters. */
export function columnOf(line: Buffer, at: number): number {
  return line.toString('utf8', 0, at).length + 1;
}

/** The character at the place, for messages. */
export function characterAt(bytes: Buffer, at: number): string {
  const byte = bytes[at]!;
  if (byte < 0x20 || byte === 0x7f) return `control character 0x${hex(byte)}`;
  const [character = ''] = bytes.toString('utf8', at, at + 4);
  return `'${character}'`;
}

/** The text around the place. */
export function quoted(bytes: Buffer, at: number): string {
  const from = characterStart(bytes, Math.max(0, at - QUOTED_BYTES));
  const to = characterStart(bytes, Math.min(bytes.length, at + QUOTED_BYTES));
  return `${from > 0 ? '…' : ''}${JSON.stringify(bytes.toString('utf8', from, to))}${to < bytes.length ? '…' : ''}`;
}

/** The start of the character that the place is in. */
function characterStart(bytes: Buffer, at: number): number {
  let start = at;
  while (start > 0 && at - start < 3 && (bytes[start]! & 0xc0) === 0x80) start--;
  return start;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
