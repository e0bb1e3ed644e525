/** Unsigned LEB128, for lengths: seven bits per byte, the lowest first; the high bit shows that more bytes follow. */

/** Enough for 35 bits; lengths are below 2^31. */
export const VARINT_BYTES_MAX = 5;

/** Writes `value`, in [0, 2^31), at `bytes[at]`, and returns the new end. */
export function writeVarint(value: number, bytes: Uint8Array, at: number): number {
  let rest = value;
  let end = at;
  while (rest >= 0x80) {
    bytes[end++] = rest | 0x80;
    rest >>>= 7;
  }
  bytes[end++] = rest;
  return end;
}

export function readVarint(bytes: Uint8Array, at: number): number {
  let value = bytes[at]! & 0x7f;
  for (let i = 1; bytes[at + i - 1]! >= 0x80; i++) value |= (bytes[at + i]! & 0x7f) << (7 * i);
  return value;
}

/** Where the varint at `bytes[at]` ends. */
export function varintEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  while (bytes[end]! >= 0x80) end++;
  return end + 1;
}
