/**
 * Short ASCII text from bytes without a call into native code: 5 to 20 ns, where utf8Slice takes about 43 ns whatever
 * the length. Most keys are that short. Written out, since `fromCharCode(...array)` loses most of the gain.
 */

const { fromCharCode } = String;

/** The text in `bytes[start, end)`, or undefined where it is longer or not all ASCII. */
export function shortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  switch (end - start) {
    case 0:
      return '';
    case 1: {
      const a = bytes[start];
      return a < 0x80 ? fromCharCode(a) : undefined;
    }
    case 2: {
      const a = bytes[start];
      const b = bytes[start + 1];
      return (a | b) < 0x80 ? fromCharCode(a, b) : undefined;
    }
    case 3: {
      const a = bytes[start];
      const b = bytes[start + 1];
      const c = bytes[start + 2];
      return (a | b | c) < 0x80 ? fromCharCode(a, b, c) : undefined;
    }
    case 4: {
      const a = bytes[start];
      const b = bytes[start + 1];
      const c = bytes[start + 2];
      const d = bytes[start + 3];
      return (a | b | c | d) < 0x80 ? fromCharCode(a, b, c, d) : undefined;
    }
    case 5: {
      const a = bytes[start];
      const b = bytes[start + 1];
      const c = bytes[start + 2];
      const d = bytes[start + 3];
      const e = bytes[start + 4];
      return (a | b | c | d | e) < 0x80 ? fromCharCode(a, b, c, d, e) : undefined;
    }
    case 6: {
      const a = bytes[start];
      const b = bytes[start + 1];
      const c = bytes[start + 2];
      const d = bytes[start + 3];
      const e = bytes[start + 4];
      const f = bytes[start + 5];
      return (a | b | c | d | e | f) < 0x80 ? fromCharCode(a, b, c, d, e, f) : undefined;
    }
    case 7: {
      const a = bytes[start];
      const b = bytes[start + 1];
      const c = bytes[start + 2];
      const d = bytes[start + 3];
      const e = bytes[start + 4];
      const f = bytes[start + 5];
      const g = bytes[start + 6];
      return (a | b | c | d | e | f | g) < 0x80 ? fromCharCode(a, b, c, d, e, f, g) : undefined;
    }
    case 8: {
      const a = bytes[start];
      const b = bytes[start + 1];
      const c = bytes[start + 2];
      const d = bytes[start + 3];
      const e = bytes[start + 4];
      const f = bytes[start + 5];
      const g = bytes[start + 6];
      const h = bytes[start + 7];
      return (a | b | c | d | e | f | g | h) < 0x80 ? fromCharCode(a, b, c, d, e, f, g, h) : undefined;
    }
    case 9: {
      const a = bytes[start];
      const b = bytes[start + 1];
      const c = bytes[start + 2];
      const d = bytes[start + 3];
      const e = bytes[start + 4];
      const f = bytes[start + 5];
      const g = bytes[start + 6];
      const h = bytes[start + 7];
      const i = bytes[start + 8];
      return (a | b | c | d | e | f | g | h | i) < 0x80 ? fromCharCode(a, b, c, d, e, f, g, h, i) : undefined;
    }
    case 10: {
      const a = bytes[start];
      const b = bytes[start + 1];
      const c = bytes[start + 2];
      const d = bytes[start + 3];
      const e = bytes[start + 4];
      const f = bytes[start + 5];
      const g = bytes[start + 6];
      const h = bytes[start + 7];
      const i = bytes[start + 8];
      const j = bytes[start + 9];
      return (a | b | c | d | e | f | g | h | i | j) < 0x80
        ? fromCharCode(a, b, c, d, e, f, g, h, i, j)
        : undefined;
    }
    case 11: {
      const a = bytes[start];
      const b = bytes[start + 1];
      const c = bytes[start + 2];
      const d = bytes[start + 3];
      const e = bytes[start + 4];
      const f = bytes[start + 5];
      const g = bytes[start + 6];
      const h = bytes[start + 7];
      const i = bytes[start + 8];
      const j = bytes[start + 9];
      const k = bytes[start + 10];
      return (a | b | c | d | e | f | g | h | i | j | k) < 0x80
        ? fromCharCode(a, b, c, d, e, f, g, h, i, j, k)
        : undefined;
    }
    case 12: {
      const a = bytes[start];
      const b = bytes[start + 1];
      const c = bytes[start + 2];
      const d = bytes[start + 3];
      const e = bytes[start + 4];
      const f = bytes[start + 5];
      const g = bytes[start + 6];
      const h = bytes[start + 7];
      const i = bytes[start + 8];
      const j = bytes[start + 9];
      const k = bytes[start + 10];
      const l = bytes[start + 11];
      return (a | b | c | d | e | f | g | h | i | j | k | l) < 0x80
        ? fromCharCode(a, b, c, d, e, f, g, h, i, j, k, l)
        : undefined;
    }
    default:
      return undefined;
  }
}
