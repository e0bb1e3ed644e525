/**
 * Distinguishes UTF-16 and UTF-32 text without a byte order mark from single-byte text (UTF-8, Latin-1 and so on), which
 * must be read even if it holds a stray NUL or control character.
 *
 * Decoded correctly, wide text has no control, unassigned or lone surrogate characters. That alone proves little, since
 * most pairs of ASCII letters are CJK characters. So one of these is required too:
 *
 *     Latin text     nearly all units are ASCII                       a. b. c.
 *     one script     nearly all units have the same high byte         ?♦ @♦ 8♦    Cyrillic: ♦ is 0x04
 *     spaces, ends   units 0x0020 and 0x000a, aligned to units        .. .. sp 00
 *     CJK            high bytes of few values, low bytes of all values, also control characters and 0x80 and above
 */
type ByteOrder = 'LE' | 'BE';

/** @param head  the first bytes of the file; they may end inside a character */
export function wideTextKind(head: Buffer): 'UTF-16' | 'UTF-32' | undefined {
  // True for most files.
  if (!head.some(isUnusual)) return undefined;
  for (const order of ['LE', 'BE'] as const) {
    if (isUtf32(head, order)) return 'UTF-32';
    if (isUtf16(head, order)) return 'UTF-16';
  }
  return undefined;
}

const UNITS_MIN = 2;
/** Units needed to recognise a script. Single-byte text may hold a few control characters two bytes apart. */
const SCRIPT_UNITS_MIN = 4;
const CJK_UNITS_MIN = 16;
/** The share of units that counts as "nearly all". */
const SHARE_MIN = 0.8;
/** A file may hold characters that this runtime does not know yet. */
const STRANGE_SHARE_MAX = 0.05;
const CJK_SHARE_MIN = 0.95;
/** Shares of the low bytes. Those of CJK text are spread over all values. */
const CJK_CONTROLS_SHARE_MIN = 0.04;
const CJK_HIGH_BYTES_SHARE_MIN = 0.1;
/** High bytes of scripts, Greek to Khmer, except tab, line ends and the separators 0x01, 0x02 and 0x1c to 0x1f. */
const SCRIPTS = new Set([3, 4, 5, 6, 7, 8, 11, 12, ...range(14, 28)]);

const STRANGE = /[\p{Cc}\p{Cn}\p{Co}\p{Cs}]/u;
const STRANGE_EXCEPTIONS = /[\t\n\r\f]/;

function isUtf16(head: Buffer, order: ByteOrder): boolean {
  const units = head.length >> 1;
  if (units < UNITS_MIN) return false;
  const highAt = order === 'LE' ? 1 : 0;
  const counts = { ascii: 0, spaces: 0, loneSpaces: 0 };
  const highs = new Uint16Array(256);
  for (let at = 0; at < 2 * units; at += 2) {
    const [high, low] = [head[at + highAt]!, head[at + 1 - highAt]!];
    const isSpace = low === 0x20 || low === 0x0a;
    highs[high]! += 1;
    if (high === 0 && low > 0 && low < 0x80) counts.ascii += 1;
    if (isSpace && high === 0) counts.spaces += 1;
    if (isSpace && high !== 0) counts.loneSpaces += 1;
  }
  if (isStrange(utf16Text(head.subarray(0, 2 * units), order))) return false;
  if (counts.ascii >= units * SHARE_MIN) return true;
  const commonest = highs.indexOf(Math.max(...highs.subarray(1)), 1);
  const isOneScript = commonest < 0x20 && highs[commonest]! + highs[0]! >= units * SHARE_MIN;
  if (isOneScript && SCRIPTS.has(commonest) && highs[commonest]! >= SCRIPT_UNITS_MIN) return true;
  if (counts.spaces > 2 * counts.loneSpaces) {
    // A line of ASCII that ends in a NUL has one such pair too.
    return !isPlainText(head) || isOneScript || (counts.spaces > 1 && counts.loneSpaces === 0);
  }
  return units >= CJK_UNITS_MIN && !isPlainText(head) && looksLikeCjk(head.subarray(0, 2 * units), highAt);
}

/** In single-byte text, separators occur among both high and low bytes. */
function looksLikeCjk(bytes: Buffer, highAt: number): boolean {
  const highs = bytes.filter((_, at) => at % 2 === highAt);
  const lows = bytes.filter((_, at) => at % 2 !== highAt);
  return (
    shareOf(highs, isHighOfCjk) >= CJK_SHARE_MIN &&
    shareOf(lows, isControl) >= CJK_CONTROLS_SHARE_MIN &&
    shareOf(lows, (byte) => byte >= 0x80) >= CJK_HIGH_BYTES_SHARE_MIN
  );
}

/** High bytes of CJK characters, and of ASCII, kana, Hangul and full-width forms. */
function isHighOfCjk(byte: number): boolean {
  return (
    byte === 0 ||
    byte === 0x30 ||
    (byte >= 0x4e && byte <= 0x9f) ||
    (byte >= 0xac && byte <= 0xd7) ||
    byte === 0xff
  );
}

function isUtf32(head: Buffer, order: ByteOrder): boolean {
  const units = head.length >> 2;
  if (units < UNITS_MIN) return false;
  let text = '';
  for (let at = 0; at < 4 * units; at += 4) {
    const code = order === 'LE' ? head.readUInt32LE(at) : head.readUInt32BE(at);
    if (code === 0 || code > 0x10ffff) return false;
    text += String.fromCodePoint(code);
  }
  return !isStrange(text);
}

function utf16Text(bytes: Buffer, order: ByteOrder): string {
  const text = (order === 'LE' ? bytes : Buffer.from(bytes).swap16()).toString('utf16le');
  return text.replace(/[\ud800-\udbff]$/, '');
}

function isStrange(text: string): boolean {
  let characters = 0;
  let strange = 0;
  for (const character of text) {
    characters += 1;
    if (STRANGE.test(character) && !STRANGE_EXCEPTIONS.test(character)) strange += 1;
  }
  return strange > characters * STRANGE_SHARE_MAX;
}

/** Whether the bytes are UTF-8 without control characters except NUL. They may end inside a character. */
function isPlainText(bytes: Buffer): boolean {
  if (bytes.some((byte) => byte !== 0 && isControl(byte))) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function isUnusual(byte: number): boolean {
  return byte === 0 || isControl(byte);
}

/** A control character that text does not normally hold: not backspace to carriage return, nor escape. NUL is not one either. */
function isControl(byte: number): boolean {
  return byte < 0x20 && !(byte >= 0x08 && byte <= 0x0d) && byte !== 0x1b && byte !== 0;
}

function shareOf(bytes: Uint8Array, is: (byte: number) => boolean): number {
  return bytes.reduce((count, byte) => count + (is(byte) ? 1 : 0), 0) / bytes.length;
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}
