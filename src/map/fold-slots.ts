/**
 * The slots of a fold table: open addressing with linear probing. An entry lies in its slot, so finding it costs one cache
 * miss, and most entries are found in the slot of their hash.
 *
 *   slot   value (f64)   3 words of key   key length + 1 (0: free)   partition, generation   hash   further parts (f64 each)
 *
 * The key words of a short key are its bytes. Those of a longer key are its position in the table's `keys`, its hash, and its
 * last four bytes.
 *
 * The slots double in place. The generation, one bit, distinguishes entries that are already in their new slot.
 */
import type { FoldMemory } from './fold-memory.ts';

/** Positions of words in a slot. The value comes before them. */
export const KEY_WORD = 2;
export const SIZE_WORD = 5;
export const PARTITION_WORD = 6;
export const HASH_WORD = 7;
export const SLOT_WORDS = 8;

const SLOTS_AT_FIRST = 8192;
/** Entries per 8 slots. More would need more probes than they save of memory. */
const LOAD_EIGHTHS = 5;
const GENERATION_BIT = 1 << 30;

export class FoldSlots {
  /** All slots, as words and as doubles. Both change when the slots double. */
  words: Int32Array;
  doubles: Float64Array;
  mask = SLOTS_AT_FIRST - 1;
  count = 0;
  /** The size of a slot. */
  readonly strideWords: number;

  readonly #memory: FoldMemory;
  readonly #operation: number;
  #limit = entriesOf(SLOTS_AT_FIRST);
  /** The generation bit of entries that are in their place. */
  #generation = 0;
  /** The entry that is being moved. */
  readonly #moved: Int32Array;

  /**
   * @param restParts  how many parts a value has beside the first one
   * @param operation  how the kernel combines them
   */
  constructor(memory: FoldMemory, restParts: number, operation: number) {
    this.#memory = memory;
    this.#operation = operation;
    this.strideWords = SLOT_WORDS + 2 * restParts;
    this.#moved = new Int32Array(this.strideWords);
    this.words = this.#wordsFor(SLOTS_AT_FIRST);
    this.doubles = doublesOf(this.words);
    this.#describe();
    this.clear();
  }

  get capacity(): number {
    return this.mask + 1;
  }

  /** How many more entries fit before the slots double. */
  get room(): number {
    return this.#limit - this.count;
  }

  /** How many slots there are after one more entry has been added. */
  get capacityForOneMore(): number {
    return this.count < this.#limit ? this.capacity : 2 * this.capacity;
  }

  /** Adds an entry of this hash and returns its slot. The caller writes key and value. */
  add(hash: number, size: number, partition: number): number {
    if (this.count === this.#limit) this.#double();
    this.count++;
    const { words, mask, strideWords } = this;
    let slot = hash & mask;
    while (words[slot * strideWords + SIZE_WORD] !== 0) slot = (slot + 1) & mask;
    const word = slot * strideWords;
    words[word + SIZE_WORD] = size;
    words[word + PARTITION_WORD] = partition | this.#generation;
    words[word + HASH_WORD] = hash;
    return slot;
  }

  partitionAt(slot: number): number {
    return this.words[slot * this.strideWords + PARTITION_WORD]! & ~GENERATION_BIT;
  }

  setPartition(slot: number, partition: number): void {
    this.words[slot * this.strideWords + PARTITION_WORD] = partition | this.#generation;
  }

  /** Moves every entry to the slot of its hash, after `hashAt` has given each another one. */
  rehash(hashAt: (word: number) => number): void {
    const { words, strideWords } = this;
    for (let word = 0; word < this.capacity * strideWords; word += strideWords) {
      if (words[word + SIZE_WORD] !== 0) words[word + HASH_WORD] = hashAt(word);
    }
    this.#replace(this.capacity);
  }

  /** Returns to the initial size. There must be no entries. */
  shrink(): void {
    this.mask = SLOTS_AT_FIRST - 1;
    this.#limit = entriesOf(SLOTS_AT_FIRST);
    this.#describe();
    this.clear();
  }

  clear(): void {
    this.count = 0;
    this.words.fill(0, 0, this.capacity * this.strideWords);
  }

  /** The largest distance of an entry from the slot of its hash. For tests. */
  get longestProbe(): number {
    let longest = 0;
    const { words, strideWords, mask } = this;
    for (let slot = 0; slot <= mask; slot++) {
      const word = slot * strideWords;
      if (words[word + SIZE_WORD] === 0) continue;
      longest = Math.max(longest, (slot - words[word + HASH_WORD]!) & mask);
    }
    return longest;
  }

  #double(): void {
    const before = this.capacity;
    this.words = this.#wordsFor(2 * before);
    this.doubles = doublesOf(this.words);
    this.words.fill(0, before * this.strideWords, 2 * before * this.strideWords);
    this.mask = 2 * before - 1;
    this.#limit = entriesOf(2 * before);
    this.#replace(before);
  }

  /**
   * Puts the entries of slots [0, end) where their hashes want them. An entry that finds an entry of the earlier generation
   * in its slot takes its place, and that one is moved next.
   */
  #replace(end: number): void {
    const { words, strideWords, mask } = this;
    this.#generation ^= GENERATION_BIT;
    this.#describe();
    if (this.#memory.kernel !== undefined) {
      this.#memory.kernel.replace(end);
      return;
    }
    for (let slot = 0; slot < end; slot++) {
      const word = slot * strideWords;
      if (words[word + SIZE_WORD] === 0 || this.#isPlaced(word)) continue;
      this.#take(word);
      words[word + SIZE_WORD] = 0;
      for (let isMoving = true; isMoving; ) {
        let to = this.#moved[HASH_WORD]! & mask;
        while (words[to * strideWords + SIZE_WORD] !== 0 && this.#isPlaced(to * strideWords))
          to = (to + 1) & mask;
        isMoving = words[to * strideWords + SIZE_WORD] !== 0;
        this.#put(to * strideWords, isMoving);
      }
    }
  }

  #isPlaced(word: number): boolean {
    return (this.words[word + PARTITION_WORD]! & GENERATION_BIT) === this.#generation;
  }

  #take(word: number): void {
    for (let i = 0; i < this.strideWords; i++) this.#moved[i] = this.words[word + i]!;
  }

  /** Writes the moved entry, and takes the one that was there. */
  #put(word: number, takes: boolean): void {
    const { words, strideWords } = this;
    const moved = this.#moved;
    moved[PARTITION_WORD]! ^= GENERATION_BIT;
    for (let i = 0; i < strideWords; i++) {
      const there = words[word + i]!;
      words[word + i] = moved[i]!;
      if (takes) moved[i] = there;
    }
  }

  /** Keeps the existing words. The memory of an earlier attempt may be larger than requested. */
  #wordsFor(capacity: number): Int32Array {
    this.#memory.reserveSlots(capacity * this.strideWords);
    return this.#memory.slots;
  }

  #describe(): void {
    const parts = 1 + (this.strideWords - SLOT_WORDS) / 2;
    this.#memory.kernel?.describe(this.capacity, parts, this.#operation, this.#generation);
  }
}

function entriesOf(slots: number): number {
  return (slots * LOAD_EIGHTHS) / 8;
}

function doublesOf(words: Int32Array): Float64Array {
  return new Float64Array(words.buffer, words.byteOffset, words.length / 2);
}
