/**
 * Finds where a JSON value ends, and verifies all of it by the grammar of RFC 8259, without making the value. It is
 * about three times as fast as parsing.
 *
 * Each function takes the place where it starts and returns the place after what it read, or `~at` (a negative number), where
 * `at` is the first byte that cannot be right. Nothing reads beyond the first byte that is wrong, and a byte below 0x20 is
 * wrong everywhere but between tokens. So bytes that end in such a byte, which `spaces` does not allow, need no check for
 * their end. Whether the bytes are UTF-8 is for the caller to check.
 */

/** Which bytes may stand between tokens: 1 for those. */
export type Spaces = Uint8Array;

/** White space within a line. */
export const SPACES_IN_LINE: Spaces = tableOf(' \t\r');
/** All white space of JSON. */
export const SPACES: Spaces = tableOf(' \t\r\n');

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_U = 0x75;
const LETTER_E = 0x65;

const HEX_DIGIT = tableOf('0123456789abcdefABCDEF');
/** What may follow a backslash, except u. */
const ESCAPED = tableOf('"\\/bfnrt');

/** A table of bytes: 1 for those of the text. */
function tableOf(text: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(text)) table[byte] = 1;
  return table;
}

export function skipSpaces(bytes: Buffer, from: number, spaces: Spaces): number {
  // Most texts are written without any.
  if (bytes[from]! > SPACE) return from;
  let at = from;
  while (spaces[bytes[at]!] === 1) at++;
  return at;
}

/** From after the opening quote to after the closing one. */
export function skipString(bytes: Buffer, from: number): number {
  let at = from;
  for (;;) {
    let byte = bytes[at]!;
    while (byte !== QUOTE && byte !== BACKSLASH && byte >= SPACE) byte = bytes[++at]!;
    if (byte === QUOTE) return at + 1;
    if (byte !== BACKSLASH) return ~at;
    at = skipEscape(bytes, at + 1);
    if (at < 0) return at;
  }
}

function skipEscape(bytes: Buffer, from: number): number {
  if (ESCAPED[bytes[from]!] === 1) return from + 1;
  if (bytes[from] !== LETTER_U) return ~from;
  for (let at = from + 1; at < from + 5; at++) {
    if (HEX_DIGIT[bytes[at]!] !== 1) return ~at;
  }
  return from + 5;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

export function isNumberStart(byte: number | undefined): boolean {
  return byte === MINUS || isDigit(byte!);
}

function skipNumber(bytes: Buffer, from: number): number {
  let at = from;
  if (bytes[at] === MINUS) at++;
  if (bytes[at] === ZERO) at++;
  else at = skipDigits(bytes, at);
  if (at < 0) return at;
  if (bytes[at] === DOT) {
    at = skipDigits(bytes, at + 1);
    if (at < 0) return at;
  }
  if ((bytes[at]! | 0x20) === LETTER_E) {
    at++;
    if (bytes[at] === PLUS || bytes[at] === MINUS) at++;
    at = skipDigits(bytes, at);
  }
  return at;
}

function skipDigits(bytes: Buffer, from: number): number {
  let at = from;
  while (isDigit(bytes[at]!)) at++;
  return at === from ? ~at : at;
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

function skipWord(bytes: Buffer, from: number): number {
  const first = bytes[from];
  const word = first === TRUE[0] ? TRUE : first === FALSE[0] ? FALSE : NULL;
  for (let i = 0; i < word.length; i++) {
    if (bytes[from + i] !== word[i]) return ~(from + i);
  }
  return from + word.length;
}

/** From the first byte of a value. */
export function skipValue(bytes: Buffer, from: number, spaces: Spaces): number {
  const first = bytes[from];
  if (first === QUOTE) return skipString(bytes, from + 1);
  if (isNumberStart(first)) return skipNumber(bytes, from);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return skipNested(bytes, from, spaces);
  return skipWord(bytes, from);
}

/** From the first byte of a name to the first byte of its value. */
export function skipName(bytes: Buffer, from: number, spaces: Spaces): number {
  if (bytes[from] !== QUOTE) return ~from;
  const end = skipString(bytes, from + 1);
  return end < 0 ? end : skipColon(bytes, end, spaces);
}

/** From after a name to the first byte of its value. */
export function skipColon(bytes: Buffer, from: number, spaces: Spaces): number {
  const at = skipSpaces(bytes, from, spaces);
  return bytes[at] === COLON ? skipSpaces(bytes, at + 1, spaces) : ~at;
}

/** The open arrays and objects of skipNested(), by their first bytes. It grows, since JSON may be nested to any depth. */
let open = new Uint8Array(64);

/** From the first byte of an object or array. It uses no recursion. */
function skipNested(bytes: Buffer, from: number, spaces: Spaces): number {
  let depth = 0;
  let at = from;
  for (;;) {
    // A value starts here.
    const first = bytes[at]!;
    if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      at = skipSpaces(bytes, at + 1, spaces);
      // Both closing brackets follow their opening ones by two.
      if (bytes[at] !== first + 2) {
        if (depth === open.length) growOpen();
        open[depth++] = first;
        if (first === OPEN_OBJECT) at = skipName(bytes, at, spaces);
        if (at < 0) return at;
        continue;
      }
      at++;
    } else {
      at = skipValue(bytes, at, spaces);
      if (at < 0) return at;
    }
    // A value ends here, and with it perhaps the arrays and objects around it.
    for (;;) {
      if (depth === 0) return at;
      at = skipSpaces(bytes, at, spaces);
      if (bytes[at] !== open[depth - 1]! + 2) break;
      depth--;
      at++;
    }
    if (bytes[at] !== COMMA) return ~at;
    at = skipSpaces(bytes, at + 1, spaces);
    if (open[depth - 1] === OPEN_OBJECT) at = skipName(bytes, at, spaces);
    if (at < 0) return at;
  }
}

function growOpen(): void {
  const larger = new Uint8Array(open.length * 2);
  larger.set(open);
  open = larger;
}
