/**
 * A hash with a secret key. Without the secret, an attacker cannot choose keys that collide; the fast hashes of this
 * folder do not prevent that. It is HalfSipHash-1-3, which uses 32-bit additions, rotations and exclusive ors.
 *
 * Each instance draws a new secret, so its hashes must not be stored or compared between processes.
 *
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), and the authors' halfsiphash.c (CC0).
 */
export class KeyedHash {
  readonly #key0: number;
  readonly #key1: number;
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;

  /** @param key  eight bytes */
  constructor(key: Buffer = secret()) {
    this.#key0 = key.readInt32LE(0);
    this.#key1 = key.readInt32LE(4);
  }

  /** Hashes a key of up to 12 bytes that is packed into words. Returns a signed 32-bit number. */
  ofWords(word0: number, word1: number, word2: number, length: number): number {
    this.#start();
    this.#mix(word0);
    this.#mix(word1);
    this.#mix(word2);
    this.#mix(length);
    return this.#finish();
  }

  /** Hashes bytes[start, end). Returns a signed 32-bit number. */
  ofBytes(bytes: Uint8Array, start: number, end: number): number {
    this.#start();
    let at = start;
    for (; at + 4 <= end; at += 4) {
      this.#mix(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    }
    let last = (end - start) << 24;
    for (let shift = 0; at < end; at++, shift += 8) last |= bytes[at]! << shift;
    this.#mix(last);
    return this.#finish();
  }

  #start(): void {
    this.#v0 = this.#key0;
    this.#v1 = this.#key1;
    this.#v2 = this.#key0 ^ 0x6c796765;
    this.#v3 = this.#key1 ^ 0x74656462;
  }

  #mix(word: number): void {
    this.#v3 ^= word;
    this.#round();
    this.#v0 ^= word;
  }

  #finish(): number {
    this.#v2 ^= 0xff;
    this.#round();
    this.#round();
    this.#round();
    return this.#v1 ^ this.#v3;
  }

  #round(): void {
    let v0 = (this.#v0 + this.#v1) | 0;
    let v1 = rotate(this.#v1, 5) ^ v0;
    v0 = rotate(v0, 16);
    let v2 = (this.#v2 + this.#v3) | 0;
    let v3 = rotate(this.#v3, 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotate(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotate(v1, 13) ^ v2;
    v2 = rotate(v2, 16);
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Hardly any process needs one, and loading node:crypto takes 5 ms. */
function secret(): Buffer {
  return process.getBuiltinModule('node:crypto').randomBytes(8);
}
