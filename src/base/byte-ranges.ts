/** Copies and compares ranges [start, end) of byte arrays. */

/**
 * Up to this many bytes a loop beats the call into native code. Measured: 1.5 ns a byte against 41 ns a call, whether
 * the call is Buffer.copy() or set(subarray()), so that the two meet between 24 and 28 bytes.
 */
const LOOP_BYTES_MAX = 24;

/** Copies source[start, end) to target at `at`; returns the offset behind it. The ranges do not overlap. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  const sizeBytes = end - start;
  if (sizeBytes <= LOOP_BYTES_MAX) {
    for (let i = 0; i < sizeBytes; i++) target[at + i] = source[start + i];
  } else {
    target.set(source.subarray(start, end), at);
  }
  return at + sizeBytes;
}

/** Whether two ranges are equal. Compares from the end: neighbours in sorted order differ there first. */
export function equalBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): boolean {
  const length = aEnd - aStart;
  if (length !== bEnd - bStart) return false;
  for (let i = length - 1; i >= 0; i--) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}

/** Below, at or above 0 as range `a` sorts before, with or after range `b`: byte by byte, a prefix first. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const common = Math.min(aEnd - aStart, bEnd - bStart);
  for (let i = 0; i < common; i++) {
    const difference = a[aStart + i] - b[bStart + i];
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
}
