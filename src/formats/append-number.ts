import type { ByteSink } from '../codec/codec.ts';

/** More than the longest String(number), such as '-1.2345678901234567e-300'. */
const NUMBER_TEXT_BYTES_MAX = 32;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;

/** Appends String(value). 32-bit integers, which most counts are, are written digit by digit without a string. */
export function appendNumber(value: number, sink: ByteSink): void {
  if (sink.bytes.length - sink.end < NUMBER_TEXT_BYTES_MAX) sink.reserve(NUMBER_TEXT_BYTES_MAX);
  const int32 = value | 0;
  // -2^31 has no positive counterpart among 32-bit integers.
  if (int32 !== value || int32 === -0x80000000) {
    appendAscii(String(value), sink);
    return;
  }
  let rest = int32;
  if (int32 < 0) {
    sink.bytes[sink.end++] = MINUS;
    rest = -int32;
  }
  const bytes = sink.bytes;
  const end = sink.end + digitCount(rest);
  let at = end;
  do {
    const tenth = (rest / 10) | 0;
    bytes[--at] = DIGIT_0 + rest - tenth * 10;
    rest = tenth;
  } while (rest > 0);
  sink.end = end;
}

function appendAscii(text: string, sink: ByteSink): void {
  const { bytes, end } = sink;
  for (let i = 0; i < text.length; i++) bytes[end + i] = text.charCodeAt(i);
  sink.end = end + text.length;
}

/** How many decimal digits a whole number in [0, 2^31) has. */
function digitCount(value: number): number {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1_000 ? 3 : 4;
  if (value < 100_000_000) return value < 1_000_000 ? (value < 100_000 ? 5 : 6) : value < 10_000_000 ? 7 : 8;
  return value < 1_000_000_000 ? 9 : 10;
}
