/** Copies and compares ranges [start, end) of byte arrays. */

/**
 * Up to this many bytes a loop is faster than the call into native code. Measured: 1.5 ns per byte against 41 ns per call,
 * for both Buffer.copy() and set(subarray()), so the two are equal between 24 and 28 bytes.
 */
const LOOP_BYTES_MAX = 24;

/** Copies source[start, end) to target at `at`, and returns the offset after the copy. The ranges must not overlap. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  const sizeBytes = end - start;
  if (sizeBytes <= LOOP_BYTES_MAX) {
    for (let i = 0; i < sizeBytes; i++) target[at + i] = source[start + i]!;
  } else {
    copyLong(source, start, end, target, at);
  }
  return at + sizeBytes;
}

/** Apart, so that the loop is small enough to be inlined. */
function copyLong(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  target.set(source.subarray(start, end), at);
}

/** Whether two ranges are equal. It compares from the end, since neighbours in sorted order mostly differ there. */
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

/** Compares byte by byte, a prefix first: negative if range `a` sorts before `b`, positive if after it, 0 if they are equal. */
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
    const difference = a[aStart + i]! - b[bStart + i]!;
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
}
