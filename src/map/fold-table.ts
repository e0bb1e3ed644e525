/**
 * Combines numbers, and tuples of numbers, while map emits them, in an open-addressing hash table of encoded keys. A key
 * that occurs a million times is stored once.
 *
 *   pending    value, 3 words of key, key length + 1, hash     the last emits, 32 bytes each
 *   slots      value, 3 words of key, key length + 1, ...      the entries: fold-slots.ts
 *   keys       slot (u32)  varint(keyLength + 1)  0  key       key-sort.ts, after the number of a slot
 *
 * Most keys are short. A key of up to 12 bytes is stored in its slot as three 32-bit words. They are packed while its
 * characters are read, so hashing, comparing and storing the key take a few operations on registers. A longer key is
 * stored in `keys`, and the first word of its entry is its position there. Draining also copies the short keys to
 * `keys`, for the sort.
 *
 * In a large table, each emit misses the cache. So emits are gathered, and the slots of all of them are touched before they
 * are folded: the misses overlap. What may throw or needs the key itself is not gathered: a combiner or a partitioner of the
 * user's is called while map emits.
 *
 * The hash is fast but public, so an attacker can choose keys that all collide. When a new key meets more than
 * PROBES_MAX occupied slots, the table switches to a hash with a secret random key, and keeps it. Stored data does not
 * depend on the hash: entries are read in the order of their keys.
 *
 * If keys rarely repeat, the table costs more than it saves. The table counts how many emits add an entry, and sets
 * `hardlyFolds` if most of them do. The collector then switches to the sort buffer.
 */
import type { NamedCombiner, PairwiseCombiner } from '../api/job.ts';
import { untimed } from '../base/phase-clock.ts';
import { VARINT_BYTES_MAX, writeVarint } from '../base/varint.ts';
import { bytesCodec } from '../codec/bytes-codec.ts';
import { type BytesRange, isBytesRange } from '../codec/bytes-range.ts';
import type { Codec, KeyCodec } from '../codec/codec.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { encodeNumberValue } from '../codec/number-value.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import { isStringCodec } from '../codec/string-codec.ts';
import { TOO_LONG, type Words, writeText } from '../codec/words.ts';
import { combineNumbers, pairwise } from '../fold/value-fold.ts';
import type { RunWriter } from '../shuffle/run-writer.ts';
import { type FoldKernel, GATHERED_TEXT_BYTES_MAX, PENDING_MAX, PENDING_WORDS } from './fold-memory.ts';
import { FoldSlots, KEY_WORD, SIZE_WORD, SLOT_WORDS } from './fold-slots.ts';
import { hashKey } from './key-hash.ts';
import { KeySorter, keyLengthAt, keyStartAt } from './key-sort.ts';
import { KeyedHash } from './keyed-hash.ts';
import { PartitionGroups } from './partition-groups.ts';
import { type Partitioner, SINGLE_PARTITION } from './partitioner.ts';
import { keepTableMemory, type TableMemory, takeTableMemory } from './thread-memory.ts';

const SHORT_KEY_BYTES_MAX = 12;
/** The key length + 1 of the longest short key. */
const SHORT_SIZE_MAX = SHORT_KEY_BYTES_MAX + 1;
/** Number of a slot, key length in one byte, value length 0. Keys longer than LENGTH_BYTE_MAX need a longer header. */
const KEY_HEADER_BYTES = 6;
const LENGTH_BYTE_MAX = 0x7e;
/** Per entry while draining: a short key in `keys`, its offset, its offset by partition, and the sorter's scratch. */
const DRAIN_BYTES = KEY_HEADER_BYTES + SHORT_KEY_BYTES_MAX + 4 + 4 + KeySorter.scratchBytes(1);
/** The records written before the size of the output is checked again. */
const BATCH_RECORDS = 64;
/** At a load of 5/8, about one in 10^10 keys meets that many by chance. */
const PROBES_MAX = 256;

/** Bytes of long keys that wait for their fold. */
const PENDING_KEYS_BYTES_MAX = 64 * 1024;
/** A pending emit has its value, key and size where a slot has them, and no partition. */
const PENDING_HASH_WORD = 6;

const WATCH_EMITS = 1 << 17;
const HARDLY_FOLDS_FRACTION = 0.8;

const SUM = 0;
const MIN = 1;
const MAX = 2;
const CALL = 3;
/** The operation of a table whose values are tuples; #partOperation says what it does with their parts. */
const PARTS = 4;

/** See kernels/fold.ts. */
const ADDED_RESULT = 0;
const GATHERED_RESULT = 2;
const LONG_END_RESULT = 3;

export class FoldTable {
  readonly #codec: KeyCodec<unknown>;
  readonly #isText: boolean;
  readonly #takesRanges: boolean;
  readonly #partitioner: Partitioner;
  readonly #partitions: number;
  readonly #memoryBytes: number;
  readonly #full: () => void;
  readonly #onStep: () => void;
  readonly #operation: number;
  readonly #partOperation: number;
  readonly #valueCodec: Codec<unknown>;
  /** How many parts a value has beside the first one. */
  readonly #restParts: number;
  readonly #combine: PairwiseCombiner<number>;

  readonly #memory: TableMemory;
  readonly #keys: GrowableSink;
  readonly #slots: FoldSlots;
  /** Folds the gathered emits, except those with long keys. Undefined if there is no kernel, or user code combines. */
  readonly #kernel: FoldKernel | undefined;
  #closed = false;
  /** Set when keys have collided more often than chance explains. */
  #keyedHash: KeyedHash | undefined;

  /** Whether the kernel can gather words. */
  readonly #gathersWords: boolean;
  readonly #pendingMax: number;
  #pendingCount = 0;
  /** The memory's, which change when the slots grow. */
  #pendingWords: Int32Array;
  #pendingValues: Float64Array;
  #pendingRest: Float64Array;
  /** The long keys among them. */
  readonly #pendingKeys = new GrowableSink(256);
  /** The key of the last emit, for a partitioner of the user's. */
  #lastKey: unknown;
  #isFolding = false;
  /** Keeps loads that only fetch a cache line from being removed. */
  #touched = 0;

  #emitsUntilWatch = WATCH_EMITS;
  #countAtWatch = 0;
  /** Set while draining. */
  #groups: PartitionGroups | undefined;
  /** Whether most keys of the last WATCH_EMITS emits were new. */
  hardlyFolds = false;

  constructor({
    codec,
    valueCodec,
    parts = 1,
    combine,
    partitioner,
    partitions,
    memoryBytes,
    full,
    onStep = () => {},
    memory = takeTableMemory(),
  }: {
    codec: KeyCodec<unknown>;
    valueCodec: Codec<unknown>;
    /** How many numbers a value has: 1 for a number, otherwise values are tuples, and `combine` is a name. */
    parts?: number;
    combine: NamedCombiner | PairwiseCombiner<unknown>;
    partitioner: Partitioner;
    partitions: number;
    memoryBytes: number;
    /** Called when one more entry would exceed the memory. It must drain the table until it is empty. */
    full: () => void;
    /** Called during long phases; may throw to stop the work. */
    onStep?: () => void;
    /** The memory of an earlier table of this thread, if not set. */
    memory?: TableMemory;
  }) {
    this.#memory = memory;
    this.#keys = memory.keys;
    this.#pendingWords = memory.fold.pendingWords;
    this.#pendingValues = memory.fold.pendingValues;
    this.#pendingRest = memory.fold.pendingRest;
    this.#codec = codec;
    this.#partitioner = partitioner;
    this.#partitions = partitions;
    this.#memoryBytes = memoryBytes;
    this.#full = full;
    this.#onStep = onStep;
    this.#partOperation = combine === 'sum' ? SUM : combine === 'min' ? MIN : combine === 'max' ? MAX : CALL;
    this.#operation = parts === 1 ? this.#partOperation : PARTS;
    this.#valueCodec = valueCodec;
    this.#restParts = parts - 1;
    this.#isText = isStringCodec(codec);
    this.#takesRanges = this.#isText || codec === bytesCodec;
    // The cast: a table folds only numbers.
    this.#combine = pairwise(combine) as PairwiseCombiner<number>;
    this.#slots = new FoldSlots(memory.fold, this.#restParts, this.#partOperation);
    const isUserCode = this.#operation === CALL || partitioner.isUserCode;
    this.#pendingMax = isUserCode ? 1 : PENDING_MAX;
    this.#kernel = isUserCode ? undefined : memory.fold.kernel;
    this.#gathersWords = this.#kernel !== undefined && this.#takesRanges && parts === 1;
    this.#view();
  }

  get count(): number {
    this.settle();
    return this.#slots.count;
  }

  /** The size of the content. Memory kept from an earlier attempt does not count, so the size is reproducible. */
  get sizeBytes(): number {
    return this.#keys.end + this.#slots.capacity * this.#slotBytes;
  }

  get #slotBytes(): number {
    return 4 * this.#slots.strideWords;
  }

  /**
   * Like emit(), for tables of tuples.
   *
   * @param value  as many numbers as the table has parts
   */
  emitTuple(key: unknown, value: readonly number[]): void {
    const first = this.#pendingCount * this.#restParts - 1;
    for (let i = 1; i < value.length; i++) this.#pendingRest[first + i] = value[i]!;
    this.emitFast(key, value[0]!);
  }

  /** Does the same as emit(), but faster for text and ranges of bytes. */
  emitFast(key: unknown, value: number): void {
    if (typeof key === 'string' && this.#isText) this.emitText(key, value);
    else if (this.#takesRanges && isBytesRange(key)) this.emitRange(key, value);
    else this.emit(key, value);
  }

  /** The same, for jobs whose keys are text. */
  emitText(key: string, value: number): void {
    const length = key.length;
    if (length > SHORT_KEY_BYTES_MAX) {
      this.emit(key, value);
      return;
    }
    let word0 = 0;
    let word1 = 0;
    let word2 = 0;
    let all = 0;
    let i = 0;
    for (let shift = 0; i < length && i < 4; i++, shift += 8) {
      const code = key.charCodeAt(i);
      all |= code;
      word0 |= code << shift;
    }
    for (let shift = 0; i < length && i < 8; i++, shift += 8) {
      const code = key.charCodeAt(i);
      all |= code;
      word1 |= code << shift;
    }
    for (let shift = 0; i < length; i++, shift += 8) {
      const code = key.charCodeAt(i);
      all |= code;
      word2 |= code << shift;
    }
    if (all >= 0x80) this.emit(key, value);
    else this.#gatherShort(key, word0, word1, word2, length, value);
  }

  /** The same, for jobs whose keys are text or bytes. */
  emitRange(key: BytesRange, value: number): void {
    const { bytes, start } = key;
    const length = key.end - start;
    // Three words are read whatever the length.
    if (length > SHORT_KEY_BYTES_MAX || start + SHORT_KEY_BYTES_MAX > bytes.length) {
      this.emit(key, value);
      return;
    }
    if (bytes !== this.#rangeBytes) this.#viewRange(bytes);
    const view = this.#rangeView;
    const mask = length * 3;
    const word0 = view.getInt32(start, true) & SHORT_KEY_MASKS[mask]!;
    const word1 = view.getInt32(start + 4, true) & SHORT_KEY_MASKS[mask + 1]!;
    const word2 = view.getInt32(start + 8, true) & SHORT_KEY_MASKS[mask + 2]!;
    // The codec verifies that other text is UTF-8.
    if (((word0 | word1 | word2) & 0x80808080) !== 0) this.emit(key, value);
    else this.#gatherShort(key, word0, word1, word2, length, value);
  }

  /** Emits each of the words with this value. Returns how many they were. */
  emitWords(words: Words, value: number): number {
    const kernel = this.#gathersWords && this.#keyedHash === undefined ? this.#kernel : undefined;
    if (kernel === undefined) return this.#emitEach(words, 0, value);
    const { fold } = this.#memory;
    const lengthBytes = writeText(words, fold.text, GATHERED_TEXT_BYTES_MAX);
    if (lengthBytes === TOO_LONG) return this.#emitEach(words, 0, value);
    const keepsCase = words.letterCase === 'keep';
    let emitted = 0;
    for (let at = 0; at < lengthBytes; ) {
      const before = this.#pendingCount;
      at = kernel.gatherWords(at, lengthBytes, keepsCase, value, before);
      const { results } = fold;
      const pending = results[GATHERED_RESULT]!;
      const longEnd = results[LONG_END_RESULT]!;
      emitted += pending - before;
      this.#pendingCount = pending;
      if (pending === PENDING_MAX) {
        this.settle();
      } else if (longEnd !== 0) {
        this.emit({ bytes: fold.text, start: at, end: longEnd }, value);
        emitted++;
        at = longEnd;
      } else if (at < lengthBytes) {
        // Before the first character that is not ASCII, positions in a text are positions in its bytes.
        return emitted + this.#emitEach(words, at, value);
      }
    }
    return emitted;
  }

  #emitEach(words: Words, from: number, value: number): number {
    let emitted = 0;
    words.visit((word) => {
      this.emitFast(word, value);
      emitted++;
    }, from);
    return emitted;
  }

  #rangeBytes: Buffer = Buffer.alloc(0);
  #rangeView: DataView = new DataView(new ArrayBuffer(0));

  #viewRange(bytes: Buffer): void {
    this.#rangeBytes = bytes;
    this.#rangeView = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  emit(key: unknown, value: number): void {
    const keys = this.#pendingKeys;
    const start = keys.end;
    let length = 0;
    try {
      this.#codec.encode(key, keys);
      length = keys.end - start;
    } finally {
      // Only a long key stays there.
      if (length <= SHORT_KEY_BYTES_MAX) keys.end = start;
    }
    const bytes = keys.bytes;
    if (length > SHORT_KEY_BYTES_MAX) {
      this.#gatherLong(key, start, length, value);
      return;
    }
    let word0 = 0;
    let word1 = 0;
    let word2 = 0;
    let i = 0;
    for (let shift = 0; i < length && i < 4; i++, shift += 8) word0 |= bytes[start + i]! << shift;
    for (let shift = 0; i < length && i < 8; i++, shift += 8) word1 |= bytes[start + i]! << shift;
    for (let shift = 0; i < length; i++, shift += 8) word2 |= bytes[start + i]! << shift;
    this.#gatherShort(key, word0, word1, word2, length, value);
  }

  #gatherShort(
    key: unknown,
    word0: number,
    word1: number,
    word2: number,
    length: number,
    value: number,
  ): void {
    const size = length + 1;
    let hash = 0;
    if (this.#keyedHash !== undefined) hash = this.#keyedHash.ofWords(word0, word1, word2, size);
    // The kernel hashes the others itself.
    else if (this.#kernel === undefined) hash = hashWords(word0, word1, word2, size);
    this.#gather(key, word0, word1, word2, size, hash, value);
  }

  /** The key's bytes are the last of #pendingKeys. */
  #gatherLong(key: unknown, start: number, length: number, value: number): void {
    const bytes = this.#pendingKeys.bytes;
    const end = start + length;
    const hash = this.#hashLong(bytes, start, end);
    // A negative position is never equal to that of an entry.
    this.#gather(key, -1 - start, hash, lastWord(bytes, end), length + 1, hash, value);
    if (this.#pendingKeys.end > PENDING_KEYS_BYTES_MAX) this.settle();
  }

  #gather(
    key: unknown,
    word0: number,
    word1: number,
    word2: number,
    size: number,
    hash: number,
    value: number,
  ): void {
    const count = this.#pendingCount;
    const words = this.#pendingWords;
    const at = count * PENDING_WORDS;
    this.#pendingValues[at / 2] = value;
    words[at + KEY_WORD] = word0;
    words[at + KEY_WORD + 1] = word1;
    words[at + KEY_WORD + 2] = word2;
    words[at + SIZE_WORD] = size;
    words[at + PENDING_HASH_WORD] = hash;
    this.#pendingCount = count + 1;
    if (count + 1 < this.#pendingMax) return;
    this.#lastKey = key;
    this.settle();
  }

  /**
   * Folds the gathered emits, in their order. While they are folded, `full` may drain the table. So call this before a decision
   * that depends on what has been spilled.
   */
  settle(): void {
    const count = this.#pendingCount;
    if (count === 0 || this.#isFolding) return;
    this.#isFolding = true;
    try {
      if (this.#kernel === undefined) {
        if (count > 1) this.#touch(count);
        for (let i = 0; i < count; ) i = this.#foldUntilNew(i, count);
      } else {
        this.#foldByKernel(this.#kernel, count);
      }
    } finally {
      this.#isFolding = false;
      this.#pendingCount = 0;
      this.#pendingKeys.end = 0;
      this.#lastKey = undefined;
    }
    this.#emitsUntilWatch -= count;
    if (this.#emitsUntilWatch <= 0) this.#watch();
  }

  /** JavaScript folds what the kernel cannot. */
  #foldByKernel(kernel: FoldKernel, count: number): void {
    kernel.touch(count, this.#keyedHash !== undefined);
    if (this.#pendingKeys.end > 0) this.#touchKeys(count);
    for (let i = 0; i < count; ) {
      i = kernel.fold(i, count, this.#roomForShort());
      this.#slots.count += this.#memory.fold.results[ADDED_RESULT]!;
      if (i < count) {
        this.#foldUntilNew(i, i + 1);
        i++;
      }
    }
  }

  /** How many entries with short keys can be added before the slots double or the memory is full: see #isFull(). */
  #roomForShort(): number {
    const slots = this.#slots;
    const freeBytes = this.#memoryBytes - this.#keysBytesWith(0) - slots.capacity * this.#slotBytes;
    return Math.max(0, Math.min(slots.room, Math.floor(freeBytes / DRAIN_BYTES) + 1 - slots.count));
  }

  /** The loads do not depend on each other, so their cache misses overlap. */
  #touch(count: number): void {
    const { words, mask, strideWords } = this.#slots;
    const pending = this.#pendingWords;
    let touched = 0;
    for (let i = 0; i < count; i++) {
      touched += words[(pending[i * PENDING_WORDS + PENDING_HASH_WORD]! & mask) * strideWords]!;
    }
    this.#touched = touched | 0;
    if (this.#pendingKeys.end > 0) this.#touchKeys(count);
  }

  #touchKeys(count: number): void {
    const { words, mask, strideWords } = this.#slots;
    const pending = this.#pendingWords;
    const keys = this.#keys.bytes;
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const at = i * PENDING_WORDS;
      if (pending[at + SIZE_WORD]! <= SHORT_SIZE_MAX) continue;
      const word = (pending[at + PENDING_HASH_WORD]! & mask) * strideWords;
      if (words[word + SIZE_WORD]! > SHORT_SIZE_MAX) touched += keys[words[word + KEY_WORD]!]!;
    }
    this.#touched += touched;
  }

  /** Folds emits from `from` until one has added an entry, which may have changed the slots. Returns the next emit. */
  #foldUntilNew(from: number, count: number): number {
    const { words, doubles, mask, strideWords } = this.#slots;
    const pending = this.#pendingWords;
    const values = this.#pendingValues;
    const isSum = this.#operation === SUM;
    for (let i = from; i < count; i++) {
      const at = i * PENDING_WORDS;
      const word0 = pending[at + KEY_WORD]!;
      const word1 = pending[at + KEY_WORD + 1]!;
      const word2 = pending[at + KEY_WORD + 2]!;
      const size = pending[at + SIZE_WORD]!;
      const home = pending[at + PENDING_HASH_WORD]! & mask;
      let slot = home;
      for (;;) {
        const word = slot * strideWords;
        const sizeThere = words[word + SIZE_WORD]!;
        if (
          words[word + KEY_WORD + 1] === word1 &&
          words[word + KEY_WORD + 2] === word2 &&
          sizeThere === size &&
          (words[word + KEY_WORD] === word0 || (word0 < 0 && this.#isLongKeyAt(word, word0, size)))
        ) {
          if (isSum) doubles[word / 2]! += values[at / 2]!;
          else this.#accumulate(word / 2, i);
          break;
        }
        if (sizeThere === 0) {
          this.#add(i, (slot - home) & mask);
          return i + 1;
        }
        slot = (slot + 1) & mask;
      }
    }
    return count;
  }

  /** Whether the entry at `word` has the long key that waits at -1 - word0. */
  #isLongKeyAt(word: number, word0: number, size: number): boolean {
    if (size <= SHORT_SIZE_MAX) return false;
    const keys = this.#keys.bytes;
    const pending = this.#pendingKeys.bytes;
    const keyStart = this.#slots.words[word + KEY_WORD]!;
    const start = -1 - word0;
    const length = size - 1;
    let i = 0;
    while (i < length && keys[keyStart + i] === pending[start + i]) i++;
    return i === length;
  }

  /** Adds an entry for a gathered emit. */
  #add(i: number, probes: number): void {
    if (probes > PROBES_MAX) this.#useKeyedHash(i);
    const at = i * PENDING_WORDS;
    const size = this.#pendingWords[at + SIZE_WORD]!;
    const isLong = size > SHORT_SIZE_MAX;
    const partition = this.#partitioner.isUserCode ? this.#partitionOfPending(at, size - 1) : 0;
    const keyBytes = isLong ? size - 1 : 0;
    if (this.#isFull(keyBytes)) this.#makeRoom(keyBytes);
    const slots = this.#slots;
    const slot = slots.add(this.#pendingWords[at + PENDING_HASH_WORD]!, size, partition);
    this.#view();
    const pending = this.#pendingWords;
    const { words, doubles } = slots;
    const word = slot * slots.strideWords;
    words[word + KEY_WORD] = isLong
      ? this.#keepKey(-1 - pending[at + KEY_WORD]!, size - 1)
      : pending[at + KEY_WORD]!;
    words[word + KEY_WORD + 1] = pending[at + KEY_WORD + 1]!;
    words[word + KEY_WORD + 2] = pending[at + KEY_WORD + 2]!;
    doubles[word / 2] = this.#pendingValues[at / 2]!;
    const restParts = this.#restParts;
    for (let part = 0; part < restParts; part++)
      doubles[(word + SLOT_WORDS) / 2 + part] = this.#pendingRest[i * restParts + part]!;
  }

  /** A function of its own, so that V8 inlines the sum of numbers. */
  #accumulate(double: number, i: number): void {
    const { doubles } = this.#slots;
    const old = doubles[double]!;
    const value = this.#pendingValues[(i * PENDING_WORDS) / 2]!;
    const operation = this.#operation;
    if (operation === PARTS) this.#accumulateParts(double, i, value);
    else if (operation === CALL) doubles[double] = combineNumbers(this.#combine, old, value);
    else doubles[double] = combineBy(operation, old, value);
  }

  #accumulateParts(double: number, i: number, value: number): void {
    const operation = this.#partOperation;
    const { doubles } = this.#slots;
    const pending = this.#pendingRest;
    const restParts = this.#restParts;
    doubles[double] = combineBy(operation, doubles[double]!, value);
    const rest = double + SLOT_WORDS / 2;
    const first = i * restParts;
    for (let part = 0; part < restParts; part++)
      doubles[rest + part] = combineBy(operation, doubles[rest + part]!, pending[first + part]!);
  }

  /** The value of an entry: a number or a tuple. */
  #valueOf(slot: number): number | readonly number[] {
    const { doubles, strideWords } = this.#slots;
    const at = (slot * strideWords) / 2;
    if (this.#restParts === 0) return doubles[at]!;
    const rest = at + SLOT_WORDS / 2;
    return [doubles[at]!, ...doubles.subarray(rest, rest + this.#restParts)];
  }

  /** Reads the arrays of the memory again, which change when the slots grow. */
  #view(): void {
    const { pendingWords, pendingValues, pendingRest } = this.#memory.fold;
    this.#pendingWords = pendingWords;
    this.#pendingValues = pendingValues;
    this.#pendingRest = pendingRest;
  }

  /** The partition of a gathered emit, by the user's function. */
  #partitionOfPending(at: number, length: number): number {
    const words = this.#pendingWords;
    if (length <= SHORT_KEY_BYTES_MAX)
      return this.#partitionOfShort(this.#lastKey, words, at + KEY_WORD, length);
    const start = -1 - words[at + KEY_WORD]!;
    return this.#partitioner.partitionOf(this.#lastKey, this.#pendingKeys.bytes, start, start + length);
  }

  /** The partition of an entry. It is found when the table is read, unless the user's function, which needs the key, names it. */
  #partitionAt(slot: number): number {
    const partitioner = this.#partitioner;
    if (partitioner.isUserCode) return this.#slots.partitionAt(slot);
    if (partitioner === SINGLE_PARTITION) return 0;
    const { words, strideWords } = this.#slots;
    const at = slot * strideWords;
    const length = words[at + SIZE_WORD]! - 1;
    if (length <= SHORT_KEY_BYTES_MAX) return this.#partitionOfShort(undefined, words, at + KEY_WORD, length);
    const start = words[at + KEY_WORD]!;
    return partitioner.partitionOf(undefined, this.#keys.bytes, start, start + length);
  }

  #partitionOfShort(key: unknown, words: Int32Array, at: number, length: number): number {
    writeShortKey(this.#shortKey, 0, words, at, length);
    return this.#partitioner.partitionOf(key, this.#shortKey, 0, length);
  }

  readonly #shortKey = Buffer.alloc(SHORT_KEY_BYTES_MAX);

  #hashLong(bytes: Buffer, start: number, end: number): number {
    return this.#keyedHash === undefined
      ? hashKey(bytes, start, end)
      : this.#keyedHash.ofBytes(bytes, start, end);
  }

  /** Appends a long key, which waits at `start`, to `keys`. The number of its slot is written later. */
  #keepKey(start: number, length: number): number {
    const keys = this.#keys;
    keys.reserve(KEY_HEADER_BYTES + VARINT_BYTES_MAX + length);
    const header = keys.end + 4;
    const lengthEnd = writeVarint(length + 1, keys.bytes, header);
    keys.bytes[lengthEnd] = 0;
    this.#pendingKeys.bytes.copy(keys.bytes, lengthEnd + 1, start, start + length);
    keys.end = lengthEnd + 1 + length;
    return lengthEnd + 1;
  }

  /** Whether one more entry, with `keyBytes` in `keys`, would exceed the memory. */
  #isFull(keyBytes: number): boolean {
    const slots = this.#slots;
    const slotsBytes = slots.capacityForOneMore * this.#slotBytes;
    return this.#keysBytesWith(keyBytes) + slotsBytes + slots.count * DRAIN_BYTES > this.#memoryBytes;
  }

  #keysBytesWith(keyBytes: number): number {
    return this.#keys.end + keyBytes + KEY_HEADER_BYTES + VARINT_BYTES_MAX;
  }

  /** An empty table accepts a key of any size, because it then holds only one record. */
  #makeRoom(keyBytes: number): void {
    if (this.#slots.count === 0) return;
    this.#full();
    if (this.#isFull(keyBytes)) this.#slots.shrink();
  }

  /** Hashes all entries again, and the gathered emits from `first` on. */
  #useKeyedHash(first: number): void {
    if (this.#keyedHash !== undefined) return;
    const keyed = new KeyedHash();
    this.#keyedHash = keyed;
    const { words } = this.#slots;
    this.#slots.rehash((word) => this.#hashAgain(words, word + KEY_WORD, words[word + SIZE_WORD]!));
    const pending = this.#pendingWords;
    for (let at = first * PENDING_WORDS; at < this.#pendingCount * PENDING_WORDS; at += PENDING_WORDS) {
      pending[at + PENDING_HASH_WORD] = this.#hashAgain(pending, at + KEY_WORD, pending[at + SIZE_WORD]!);
    }
  }

  #hashAgain(words: Int32Array, at: number, size: number): number {
    const word0 = words[at]!;
    const keyed = this.#keyedHash!;
    if (size <= SHORT_SIZE_MAX) return keyed.ofWords(word0, words[at + 1]!, words[at + 2]!, size);
    const [bytes, start] = word0 < 0 ? [this.#pendingKeys.bytes, -1 - word0] : [this.#keys.bytes, word0];
    const hash = keyed.ofBytes(bytes, start, start + size - 1);
    words[at + 1] = hash;
    return hash;
  }

  /** The largest distance of a key from its slot. For tests. */
  get longestProbe(): number {
    this.settle();
    return this.#slots.longestProbe;
  }

  #watch(): void {
    const { count } = this.#slots;
    this.hardlyFolds = count - this.#countAtWatch > HARDLY_FOLDS_FRACTION * WATCH_EMITS;
    this.#countAtWatch = count;
    this.#emitsUntilWatch = WATCH_EMITS;
  }

  /** Gives the memory back. The table must not be used afterwards. */
  close(): void {
    // Only once: at a second call, another attempt may be using the memory.
    if (!this.#closed) keepTableMemory(this.#memory);
    this.#closed = true;
  }

  /** Calls `take` for every entry, in no particular order. */
  forEach(
    take: (keys: Buffer, keyStart: number, keyEnd: number, value: unknown, partition: number) => void,
  ): void {
    this.settle();
    const { words, strideWords, capacity } = this.#slots;
    for (let slot = 0; slot < capacity; slot++) {
      const word = slot * strideWords;
      const length = words[word + SIZE_WORD]! - 1;
      if (length < 0) continue;
      const value = this.#valueOf(slot);
      const partition = this.#partitionAt(slot);
      if (length > SHORT_KEY_BYTES_MAX) {
        const first = words[word + KEY_WORD]!;
        take(this.#keys.bytes, first, first + length, value, partition);
      } else {
        writeShortKey(this.#shortKey, 0, words, word + KEY_WORD, length);
        take(this.#shortKey, 0, length, value, partition);
      }
    }
  }

  #clear(): void {
    this.#countAtWatch = 0;
    this.#keys.end = 0;
    this.#slots.clear();
  }

  readonly #value = new GrowableSink(64);
  readonly #record = new RecordSlice();

  /** Does the same as RecordBuffer.drain(). */
  drain(writer: RunWriter, bytesMax: number, phases = untimed()): boolean {
    this.settle();
    this.#groups ??= phases.time('sorting', () => this.#grouped());
    const keys = this.#keys.bytes;
    const isDrained = this.#groups.drain(writer, bytesMax, {
      sort: (offsets, start, end) => {
        if (start === end) return;
        phases.time('sorting', () => this.#memory.sorter.sort(keys, offsets, start, end, this.#onStep));
      },
      write: (offsets, start, end) => this.#writeBatch(writer, offsets, start, end),
    });
    if (!isDrained) return false;
    this.#groups = undefined;
    this.#clear();
    return true;
  }

  #writeBatch(writer: RunWriter, offsets: Uint32Array, start: number, end: number): number {
    const batchEnd = Math.min(end, start + BATCH_RECORDS);
    const keys = this.#keys.bytes;
    const { doubles, strideWords } = this.#slots;
    const record = this.#record;
    const value = this.#value;
    record.keyBytes = keys;
    this.#touchRecords(offsets, start, batchEnd);
    for (let i = start; i < batchEnd; i++) {
      const offset = offsets[i]!;
      const slot = keys.readUInt32LE(offset - 4);
      const keyStart = keyStartAt(keys, offset);
      record.keyStart = keyStart;
      record.keyEnd = keyStart + keyLengthAt(keys, offset);
      if (this.#restParts === 0) {
        value.end = encodeNumberValue(doubles[(slot * strideWords) / 2]!, value.bytes, 0);
      } else {
        value.reset();
        this.#valueCodec.encode(this.#valueOf(slot), value);
      }
      // The buffer rarely changes, and comparing costs less than the write barrier of an assignment.
      if (record.valueBytes !== value.bytes) record.valueBytes = value.bytes;
      record.valueEnd = value.end;
      writer.append(record);
    }
    return batchEnd;
  }

  /** Fetches the cache lines of a batch: first those of the keys, then those of the slots that they name. */
  #touchRecords(offsets: Uint32Array, start: number, end: number): void {
    const keys = this.#keys.bytes;
    const { words, strideWords } = this.#slots;
    let touched = 0;
    for (let i = start; i < end; i++) touched += keys[offsets[i]!]!;
    for (let i = start; i < end; i++) touched += words[keys.readUInt32LE(offsets[i]! - 4) * strideWords]!;
    this.#touched = touched | 0;
  }

  /** Copies the short keys to `keys`, writes the slot of each key before it, and groups the keys by partition. */
  #grouped(): PartitionGroups {
    const keys = this.#keys;
    const slots = this.#slots;
    const { words, strideWords, capacity, count } = slots;
    const memory = this.#memory;
    if (memory.grouped.length < count) memory.grouped = new Uint32Array(capacity);
    const groups = new PartitionGroups(this.#partitions, memory.grouped);
    for (let slot = 0; slot < capacity; slot++) {
      if (words[slot * strideWords + SIZE_WORD] === 0) continue;
      const partition = this.#partitionAt(slot);
      slots.setPartition(slot, partition);
      groups.count(partition);
    }
    groups.startPlacing();
    for (let slot = 0; slot < capacity; slot++) {
      const word = slot * strideWords;
      const length = words[word + SIZE_WORD]! - 1;
      if (length < 0) continue;
      let keyStart = words[word + KEY_WORD]!;
      if (length <= SHORT_KEY_BYTES_MAX) {
        keys.reserve(KEY_HEADER_BYTES + SHORT_KEY_BYTES_MAX);
        keyStart = keys.end + KEY_HEADER_BYTES;
        keys.bytes[keyStart - 2] = length + 1;
        keys.bytes[keyStart - 1] = 0;
        writeShortKey(keys.bytes, keyStart, words, word + KEY_WORD, length);
        keys.end = keyStart + length;
      }
      const offset = keyStart - (length > LENGTH_BYTE_MAX ? longHeaderBytes(length) : KEY_HEADER_BYTES - 4);
      keys.bytes.writeUInt32LE(slot, offset - 4);
      groups.place(slots.partitionAt(slot), offset);
    }
    return groups;
  }
}

function combineBy(operation: number, accumulated: number, value: number): number {
  if (operation === SUM) return accumulated + value;
  return operation === MIN ? Math.min(accumulated, value) : Math.max(accumulated, value);
}

/** Mixes the packed key with murmur3's rounds. Only the table uses this hash; partitions use key-hash.ts. */
function hashWords(word0: number, word1: number, word2: number, size: number): number {
  let hash =
    Math.imul(word0, 0xcc9e2d51) ^ Math.imul(word1, 0x1b873593) ^ Math.imul(word2, 0x85ebca6b) ^ size;
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return hash ^ (hash >>> 13);
}

/** For each length of a short key, the bits of its three words. */
const SHORT_KEY_MASKS = Int32Array.from(
  Array.from({ length: SHORT_KEY_BYTES_MAX + 1 }, (_, length) =>
    [0, 4, 8].map((at) => maskOf(length - at)),
  ).flat(),
);

function maskOf(bytes: number): number {
  return bytes >= 4 ? -1 : bytes <= 0 ? 0 : (1 << (8 * bytes)) - 1;
}

/** The last four bytes of a long key. */
function lastWord(bytes: Buffer, end: number): number {
  return bytes[end - 4]! | (bytes[end - 3]! << 8) | (bytes[end - 2]! << 16) | (bytes[end - 1]! << 24);
}

/** Writes the key that is packed in words[at, at + 3). */
function writeShortKey(bytes: Buffer, start: number, words: Int32Array, at: number, length: number): void {
  for (let i = 0; i < length; i++) bytes[start + i] = words[at + (i >> 2)]! >>> (8 * (i & 3));
}

/** The size of the two varints before a long key: the key's length, and the value's length, which is 0. */
function longHeaderBytes(keyLength: number): number {
  return writeVarint(keyLength + 1, lengthScratch, 0) + 1;
}

const lengthScratch = Buffer.alloc(VARINT_BYTES_MAX);
