/**
 * Decodes short ASCII text without a call into native code. This takes 5 to 20 ns; utf8Slice takes about 43 ns at any
 * length. Most keys are that short. The code is unrolled because `fromCharCode(...array)` loses most of the gain. It
 * uses early returns because the processor predicts them better than the jump of a `switch` when lengths vary.
 */

const { fromCharCode } = String;

/** The text in `bytes[start, end)`, or undefined if it is longer than 12 bytes or not all ASCII. */
export function shortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  const size = end - start;
  if (size > 12) return undefined;
  if (size === 0) return '';
  const a = bytes[start]!;
  if (size === 1) return a < 0x80 ? fromCharCode(a) : undefined;
  const b = bytes[start + 1]!;
  if (size === 2) return (a | b) < 0x80 ? fromCharCode(a, b) : undefined;
  const c = bytes[start + 2]!;
  if (size === 3) return (a | b | c) < 0x80 ? fromCharCode(a, b, c) : undefined;
  const d = bytes[start + 3]!;
  if ((a | b | c | d) >= 0x80) return undefined;
  if (size === 4) return fromCharCode(a, b, c, d);
  const e = bytes[start + 4]!;
  if (size === 5) return e < 0x80 ? fromCharCode(a, b, c, d, e) : undefined;
  const f = bytes[start + 5]!;
  if (size === 6) return (e | f) < 0x80 ? fromCharCode(a, b, c, d, e, f) : undefined;
  const g = bytes[start + 6]!;
  if (size === 7) return (e | f | g) < 0x80 ? fromCharCode(a, b, c, d, e, f, g) : undefined;
  const h = bytes[start + 7]!;
  if ((e | f | g | h) >= 0x80) return undefined;
  if (size === 8) return fromCharCode(a, b, c, d, e, f, g, h);
  const i = bytes[start + 8]!;
  if (size === 9) return i < 0x80 ? fromCharCode(a, b, c, d, e, f, g, h, i) : undefined;
  const j = bytes[start + 9]!;
  if (size === 10) return (i | j) < 0x80 ? fromCharCode(a, b, c, d, e, f, g, h, i, j) : undefined;
  const k = bytes[start + 10]!;
  if (size === 11) return (i | j | k) < 0x80 ? fromCharCode(a, b, c, d, e, f, g, h, i, j, k) : undefined;
  const l = bytes[start + 11]!;
  return (i | j | k | l) < 0x80 ? fromCharCode(a, b, c, d, e, f, g, h, i, j, k, l) : undefined;
}
