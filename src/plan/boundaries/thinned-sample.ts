/**
 * A uniform sample of a sequence of unknown length, with a size of at most `sizeMax`, and the same for the same sequence.
 * Each item is hashed by its number. Items whose hash is below a threshold are kept, and the threshold is halved whenever
 * too much is kept. So all items are equally likely to be in the sample.
 */
export class ThinnedSample<T> {
  readonly #sizeMax: number;
  readonly #seed: number;
  #below = HASHES;
  #count = 0;
  #size = 0;
  #kept: { readonly hash: number; readonly item: T; readonly size: number }[] = [];

  constructor(sizeMax: number, seed: number) {
    this.#sizeMax = sizeMax;
    this.#seed = seed;
  }

  /** Called once for each item of the sequence. Returns the hash for keep(), or undefined if the item is not in the sample. */
  next(): number | undefined {
    const hash = mixedHash(this.#count++, this.#seed);
    return hash < this.#below ? hash : undefined;
  }

  keep(hash: number, item: T, size = 1): void {
    this.#kept.push({ hash, item, size });
    this.#size += size;
    while (this.#size > this.#sizeMax && this.#kept.length > 1) {
      this.#below /= 2;
      this.#kept = this.#kept.filter((entry) => entry.hash < this.#below);
      this.#size = this.#kept.reduce((sum, entry) => sum + entry.size, 0);
    }
  }

  /** How many items of the sequence each of `items` stands for. */
  get weight(): number {
    return HASHES / this.#below;
  }

  get items(): readonly T[] {
    return this.#kept.map(({ item }) => item);
  }
}

const HASHES = 2 ** 32;

/** Uniform in [0, 2^32). The finalizer of MurmurHash3 (Appleby). */
export function mixedHash(index: number, seed: number): number {
  let hash = (Math.imul(index, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
