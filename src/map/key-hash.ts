/**
 * Hashes an encoded key: FNV-1a over its bytes, then murmur3's 32-bit finalizer, because FNV alone mixes the high bits
 * of short keys poorly.
 *
 * The hash decides which part contains a key, so it is part of the output contract: it must never change, and must be
 * the same on every machine.
 *
 * Source: FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/; fmix32, Appleby's MurmurHash3 (public domain).
 */
const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;

/** Returns a signed 32-bit number. */
export function hashKey(bytes: Uint8Array, start: number, end: number): number {
  let hash = FNV_OFFSET;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, FNV_PRIME);
  return finishHash(hash);
}

function finishHash(fnv: number): number {
  let hash = fnv;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Maps a hash to [0, partitions) by its high bits (Lemire's multiply-shift; doubles are exact below 2^53). */
export function partitionOfHash(hash: number, partitions: number): number {
  return Math.floor(((hash >>> 0) * partitions) / 0x1_0000_0000);
}
