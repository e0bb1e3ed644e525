/**
 * Combines numbers, and tuples of numbers, while map emits them, in an open-addressing hash table of encoded keys. A key
 * that occurs a million times is stored once, and each emit costs one probe.
 *
 *   slots      hash, entry + 1 (0: free)                                     two 32-bit words, linear probing
 *   entries    value (f64), 12 bytes of key, key length, partition, hash     32 bytes, half a cache line
 *   rest       the further parts of the value, if values are tuples          8 bytes each
 *   keys       entry (u32)  varint(keyLength + 1)  0  key                    key-sort.ts, after an entry number
 *
 * Most keys are short. A key of up to 12 bytes is stored in its entry as three 32-bit words. They are packed while its
 * characters are read, so hashing, comparing and storing the key take a few operations on registers. A longer key is
 * stored in `keys`, and the first word of its entry is its position there. Draining also copies the short keys to
 * `keys`, for the sort.
 *
 * The hash is fast but public, so an attacker can choose keys that all collide. When a new key meets more than
 * PROBES_MAX occupied slots, the table switches to a hash with a secret random key, and keeps it. Stored data does not
 * depend on the hash: entries are read in the order of insertion or of their keys.
 *
 * If keys rarely repeat, the table costs more than it saves, because every emit misses the cache. The table counts how
 * many emits add an entry, and sets `hardlyFolds` if most of them do. The collector then switches to the sort buffer.
 */
import type { NamedCombiner, PairwiseCombiner } from '../api/job.ts';
import { untimed } from '../base/phase-clock.ts';
import { VARINT_BYTES_MAX, writeVarint } from '../base/varint.ts';
import type { Codec, KeyCodec } from '../codec/codec.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { encodeNumberValue } from '../codec/number-value.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import { combineNumbers, pairwise } from '../fold/value-fold.ts';
import type { RunWriter } from '../shuffle/run-writer.ts';
import { hashKey } from './key-hash.ts';
import { KeySorter, keyLengthAt, keyStartAt } from './key-sort.ts';
import { KeyedHash } from './keyed-hash.ts';
import { PartitionGroups } from './partition-groups.ts';
import { type Partitioner, SINGLE_PARTITION } from './partitioner.ts';
import { keepTableMemory, takeTableMemory } from './thread-memory.ts';

const ENTRY_BYTES = 32;
const ENTRY_WORDS = ENTRY_BYTES / 4;
const ENTRY_DOUBLES = ENTRY_BYTES / 8;
/** Positions of words in an entry. The value comes before them. */
const KEY_WORD = 2;
const LENGTH_WORD = 5;
const PARTITION_WORD = 6;
const HASH_WORD = 7;
const SLOT_BYTES = 8;
const SHORT_KEY_BYTES_MAX = 12;
/** Entry number, key length in one byte, value length 0. Keys longer than LENGTH_BYTE_MAX need a longer header. */
const KEY_HEADER_BYTES = 6;
const LENGTH_BYTE_MAX = 0x7e;
/** Per entry while draining: a short key in `keys`, its offset, its offset by partition, and the sorter's scratch. */
const DRAIN_BYTES = KEY_HEADER_BYTES + SHORT_KEY_BYTES_MAX + 4 + 4 + KeySorter.scratchBytes(1);
const ENTRIES_AT_FIRST = 4096;
/** The records written before the size of the output is checked again. */
const BATCH_RECORDS = 64;
/** At half load, only about one in 10^11 keys meets that many by chance. */
const PROBES_MAX = 128;

const WATCH_EMITS = 1 << 17;
const HARDLY_FOLDS_FRACTION = 0.8;

const SUM = 0;
const MIN = 1;
const MAX = 2;
const CALL = 3;
/** The operation of a table whose values are tuples; #partOperation says what it does with their parts. */
const PARTS = 4;
/** Wider tuples make entries so large that sorting the records is as fast. */
export const FOLDED_PARTS_MAX = 16;

export class FoldTable {
  readonly #codec: KeyCodec<unknown>;
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
  readonly #entryBytes: number;
  readonly #combine: PairwiseCombiner<number>;

  readonly #memory = takeTableMemory();
  readonly #keys = this.#memory.keys;
  #closed = false;
  /** Whether keys have collided more often than chance explains. */
  #isKeyed = false;
  #keyedHash: KeyedHash | undefined;
  #slots: Int32Array;
  #slotMask = 2 * ENTRIES_AT_FIRST - 1;
  #words: Int32Array;
  #values: Float64Array;
  #rest: Float64Array;
  /** The value that is being emitted, if values are tuples. */
  #tuple: readonly number[] = [];
  #capacity = ENTRIES_AT_FIRST;
  #count = 0;
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
  }) {
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
    this.#entryBytes = ENTRY_BYTES + 2 * SLOT_BYTES + 8 * this.#restParts;
    // The cast: a table folds only numbers.
    this.#combine = pairwise(combine) as PairwiseCombiner<number>;
    this.#words = this.#wordsFor(this.#capacity);
    this.#values = new Float64Array(this.#words.buffer);
    this.#rest = new Float64Array(this.#capacity * this.#restParts);
    this.#slots = this.#emptySlotsFor(this.#capacity);
  }

  get count(): number {
    return this.#count;
  }

  /** The size of the content. Memory kept from an earlier attempt does not count, so the size is reproducible. */
  get sizeBytes(): number {
    return this.#keys.end + this.#capacity * this.#entryBytes;
  }

  /**
   * Like emit(), for tables of tuples.
   *
   * @param value  as many numbers as the table has parts
   * @param isText  whether the job's keys are strings, and `key` is one
   */
  emitTuple(key: unknown, value: readonly number[], isText: boolean): void {
    this.#tuple = value;
    if (isText) this.emitText(key as string, value[0]!);
    else this.emit(key, value[0]!);
  }

  /** Does the same as emit(), faster, for jobs whose keys are strings. */
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
    else this.#foldShort(key, word0, word1, word2, length, value);
  }

  emit(key: unknown, value: number): void {
    const keys = this.#keys;
    const before = keys.end;
    keys.reserve(KEY_HEADER_BYTES);
    keys.end += KEY_HEADER_BYTES;
    const start = keys.end;
    let end = start;
    try {
      this.#codec.encode(key, keys);
      end = keys.end;
    } finally {
      // The encoded bytes stay after the end of `keys` and may still be overwritten.
      keys.end = before;
    }
    const bytes = keys.bytes;
    const length = end - start;
    if (length > SHORT_KEY_BYTES_MAX) {
      this.#foldLong(key, start, length, value);
      return;
    }
    let word0 = 0;
    let word1 = 0;
    let word2 = 0;
    let i = 0;
    for (let shift = 0; i < length && i < 4; i++, shift += 8) word0 |= bytes[start + i]! << shift;
    for (let shift = 0; i < length && i < 8; i++, shift += 8) word1 |= bytes[start + i]! << shift;
    for (let shift = 0; i < length; i++, shift += 8) word2 |= bytes[start + i]! << shift;
    this.#foldShort(key, word0, word1, word2, length, value);
  }

  #foldShort(key: unknown, word0: number, word1: number, word2: number, length: number, value: number): void {
    const hash = this.#isKeyed
      ? this.#keyedHashOfShort(word0, word1, word2, length)
      : hashWords(word0, word1, word2, length);
    const slots = this.#slots;
    const words = this.#words;
    const mask = this.#slotMask;
    let slot = hash & mask;
    for (;;) {
      const entry = slots[2 * slot + 1]! - 1;
      if (entry < 0) break;
      if (slots[2 * slot] === hash) {
        const word = entry * ENTRY_WORDS;
        if (
          words[word + KEY_WORD] === word0 &&
          words[word + KEY_WORD + 1] === word1 &&
          words[word + KEY_WORD + 2] === word2 &&
          words[word + LENGTH_WORD] === length
        ) {
          this.#accumulate(entry, value);
          return;
        }
      }
      slot = (slot + 1) & mask;
    }
    this.#addShort(key, word0, word1, word2, length, value, (slot - hash) & mask);
  }

  #addShort(
    key: unknown,
    word0: number,
    word1: number,
    word2: number,
    length: number,
    value: number,
    probes: number,
  ): void {
    if (probes > PROBES_MAX) this.#useKeyedHash();
    if (--this.#emitsUntilWatch === 0) this.#watch();
    const partition = this.#partitionOfShort(key, word0, word1, word2, length);
    const hash = this.#isKeyed
      ? this.#keyedHashOfShort(word0, word1, word2, length)
      : hashWords(word0, word1, word2, length);
    const entry = this.#newEntry(hash, length, 0);
    const word = entry * ENTRY_WORDS;
    this.#words[word + KEY_WORD] = word0;
    this.#words[word + KEY_WORD + 1] = word1;
    this.#words[word + KEY_WORD + 2] = word2;
    this.#words[word + PARTITION_WORD] = partition;
    this.#values[entry * ENTRY_DOUBLES] = value;
    if (this.#restParts > 0) this.#setRest(entry);
  }

  #keyedHashOfShort(word0: number, word1: number, word2: number, length: number): number {
    return this.#keyedHash!.ofWords(word0, word1, word2, length);
  }

  /** The key's bytes are after the end of `keys`, where the next key overwrites them unless they are kept. */
  #foldLong(key: unknown, start: number, length: number, value: number): void {
    const bytes = this.#keys.bytes;
    let hash =
      this.#keyedHash === undefined
        ? hashKey(bytes, start, start + length)
        : this.#keyedHash.ofBytes(bytes, start, start + length);
    // The same probe as in #foldShort. As a shared function, it took 1.10 times as long for long keys (10 pairs).
    // jscpd:ignore-start
    const slots = this.#slots;
    const words = this.#words;
    const mask = this.#slotMask;
    let slot = hash & mask;
    for (;;) {
      const entry = slots[2 * slot + 1]! - 1;
      if (entry < 0) break;
      if (slots[2 * slot] === hash) {
        const word = entry * ENTRY_WORDS;
        if (words[word + LENGTH_WORD] === length) {
          const at = words[word + KEY_WORD]!;
          let i = 0;
          while (i < length && bytes[at + i] === bytes[start + i]) i++;
          if (i === length) {
            this.#accumulate(entry, value);
            return;
          }
        }
      }
      slot = (slot + 1) & mask;
    }
    // jscpd:ignore-end
    if (((slot - hash) & mask) > PROBES_MAX)
      hash = this.#useKeyedHash().ofBytes(bytes, start, start + length);
    if (--this.#emitsUntilWatch === 0) this.#watch();
    const partition = this.#partitioner.partitionOf(key, bytes, start, start + length);
    let keyStart = start;
    if (this.#isFull(length)) {
      const copy = Buffer.from(bytes.subarray(start, start + length));
      this.#makeRoom(length);
      keyStart = this.#keys.end + KEY_HEADER_BYTES;
      this.#keys.reserve(KEY_HEADER_BYTES + length);
      copy.copy(this.#keys.bytes, keyStart);
    }
    const entry = this.#newEntry(hash, length, length);
    const word = entry * ENTRY_WORDS;
    this.#words[word + KEY_WORD] = this.#keepKey(keyStart, length, entry);
    this.#words[word + PARTITION_WORD] = partition;
    this.#values[entry * ENTRY_DOUBLES] = value;
    if (this.#restParts > 0) this.#setRest(entry);
  }

  #accumulate(entry: number, value: number): void {
    if (this.#operation === SUM) this.#values[entry * ENTRY_DOUBLES]! += value;
    else this.#accumulateOther(entry, value);
    if (--this.#emitsUntilWatch === 0) this.#watch();
  }

  /** A function of its own, so that V8 inlines the sum of numbers. */
  #accumulateOther(entry: number, value: number): void {
    const at = entry * ENTRY_DOUBLES;
    const old = this.#values[at]!;
    const operation = this.#operation;
    if (operation === PARTS) this.#accumulateParts(entry, value);
    else if (operation === CALL) this.#values[at] = combineNumbers(this.#combine, old, value);
    else this.#values[at] = combineBy(operation, old, value);
  }

  #setRest(entry: number): void {
    const tuple = this.#tuple;
    const first = entry * this.#restParts - 1;
    for (let i = 1; i < tuple.length; i++) this.#rest[first + i] = tuple[i]!;
  }

  #accumulateParts(entry: number, value: number): void {
    const operation = this.#partOperation;
    const values = this.#values;
    const rest = this.#rest;
    const tuple = this.#tuple;
    const at = entry * ENTRY_DOUBLES;
    const first = entry * this.#restParts - 1;
    values[at] = combineBy(operation, values[at]!, value);
    for (let i = 1; i < tuple.length; i++) {
      rest[first + i] = combineBy(operation, rest[first + i]!, tuple[i]!);
    }
  }

  /** The value of an entry: a number or a tuple. */
  #valueOf(entry: number): number | readonly number[] {
    const value = this.#values[entry * ENTRY_DOUBLES]!;
    const parts = this.#restParts;
    if (parts === 0) return value;
    return [value, ...this.#rest.subarray(entry * parts, (entry + 1) * parts)];
  }

  #partitionOfShort(key: unknown, word0: number, word1: number, word2: number, length: number): number {
    if (this.#partitioner === SINGLE_PARTITION) return 0;
    writeShortKey(this.#shortKey, 0, word0, word1, word2, length);
    return this.#partitioner.partitionOf(key, this.#shortKey, 0, length);
  }

  readonly #shortKey = Buffer.alloc(SHORT_KEY_BYTES_MAX);

  /** Adds an entry with this hash and length, and the slot that points to it. */
  #newEntry(hash: number, length: number, keyBytes: number): number {
    if (this.#isFull(keyBytes)) this.#makeRoom(keyBytes);
    if (this.#count === this.#capacity) this.#grow();
    const slot = this.#freeSlot(hash);
    const entry = this.#count++;
    this.#slots[2 * slot] = hash;
    this.#slots[2 * slot + 1] = entry + 1;
    const word = entry * ENTRY_WORDS;
    this.#words[word + LENGTH_WORD] = length;
    this.#words[word + HASH_WORD] = hash;
    return entry;
  }

  /** Writes the header of a key at the end of `keys`; moves the key if the header is long. Returns the key's start. */
  #keepKey(start: number, length: number, entry: number): number {
    const keys = this.#keys;
    const record = start - KEY_HEADER_BYTES;
    let keyStart = start;
    if (length > LENGTH_BYTE_MAX) {
      keys.end = start + length;
      keys.reserve(VARINT_BYTES_MAX);
      keyStart = record + 4 + longHeaderBytes(length);
      keys.bytes.copyWithin(keyStart, start, start + length);
    }
    keys.bytes.writeUInt32LE(entry, record);
    keys.bytes[writeVarint(length + 1, keys.bytes, record + 4)] = 0;
    keys.end = keyStart + length;
    return keyStart;
  }

  /** Whether one more entry, with `keyBytes` in `keys`, would exceed the memory. */
  #isFull(keyBytes: number): boolean {
    const entries = this.#count === this.#capacity ? 2 * this.#capacity : this.#capacity;
    const keysBytes = this.#keys.end + keyBytes + KEY_HEADER_BYTES + VARINT_BYTES_MAX;
    return keysBytes + entries * this.#entryBytes + this.#count * DRAIN_BYTES > this.#memoryBytes;
  }

  /** An empty table accepts a key of any size, because it then holds only one record. */
  #makeRoom(keyBytes: number): void {
    if (this.#count === 0) return;
    this.#full();
    if (this.#isFull(keyBytes)) this.#shrink();
  }

  #freeSlot(hash: number): number {
    let slot = hash & this.#slotMask;
    while (this.#slots[2 * slot + 1] !== 0) slot = (slot + 1) & this.#slotMask;
    return slot;
  }

  #grow(): void {
    this.#capacity *= 2;
    const words = this.#wordsFor(this.#capacity);
    this.#words = words;
    this.#values = new Float64Array(words.buffer);
    if (this.#restParts > 0 && this.#rest.length < this.#capacity * this.#restParts) {
      const rest = new Float64Array(this.#capacity * this.#restParts);
      rest.set(this.#rest);
      this.#rest = rest;
    }
    this.#slots = this.#emptySlotsFor(this.#capacity);
    this.#slotMask = 2 * this.#capacity - 1;
    this.#fillSlots();
  }

  /** Inserts all entries into the slots, which must be empty. */
  #fillSlots(): void {
    for (let entry = 0; entry < this.#count; entry++) {
      const hash = this.#words[entry * ENTRY_WORDS + HASH_WORD]!;
      const slot = this.#freeSlot(hash);
      this.#slots[2 * slot] = hash;
      this.#slots[2 * slot + 1] = entry + 1;
    }
  }

  #useKeyedHash(): KeyedHash {
    if (this.#keyedHash !== undefined) return this.#keyedHash;
    const keyed = new KeyedHash();
    this.#keyedHash = keyed;
    this.#isKeyed = true;
    const words = this.#words;
    for (let entry = 0; entry < this.#count; entry++) {
      const word = entry * ENTRY_WORDS;
      const length = words[word + LENGTH_WORD]!;
      const first = words[word + KEY_WORD]!;
      words[word + HASH_WORD] =
        length > SHORT_KEY_BYTES_MAX
          ? keyed.ofBytes(this.#keys.bytes, first, first + length)
          : keyed.ofWords(first, words[word + KEY_WORD + 1]!, words[word + KEY_WORD + 2]!, length);
    }
    this.#clearSlots();
    this.#fillSlots();
    return keyed;
  }

  /** The largest distance of a key from its slot. For tests. */
  get longestProbe(): number {
    let longest = 0;
    for (let slot = 0; slot <= this.#slotMask; slot++) {
      if (this.#slots[2 * slot + 1] === 0) continue;
      longest = Math.max(longest, (slot - this.#slots[2 * slot]!) & this.#slotMask);
    }
    return longest;
  }

  /** Returns to the initial size. The table must be empty. */
  #shrink(): void {
    this.#capacity = ENTRIES_AT_FIRST;
    this.#slotMask = 2 * ENTRIES_AT_FIRST - 1;
    this.#clearSlots();
  }

  #watch(): void {
    this.hardlyFolds = this.#count - this.#countAtWatch > HARDLY_FOLDS_FRACTION * WATCH_EMITS;
    this.#countAtWatch = this.#count;
    this.#emitsUntilWatch = WATCH_EMITS;
  }

  /** Keeps the existing words. The memory of an earlier attempt may be larger than requested. */
  #wordsFor(capacity: number): Int32Array {
    const memory = this.#memory;
    if (memory.words.length < capacity * ENTRY_WORDS) {
      const words = new Int32Array(capacity * ENTRY_WORDS);
      words.set(memory.words);
      memory.words = words;
    }
    return memory.words;
  }

  #emptySlotsFor(capacity: number): Int32Array {
    const memory = this.#memory;
    const length = 2 * 2 * capacity;
    if (memory.slots.length < length) memory.slots = new Int32Array(length);
    else memory.slots.fill(0, 0, length);
    return memory.slots;
  }

  #clearSlots(): void {
    this.#slots.fill(0, 0, 2 * (this.#slotMask + 1));
  }

  /** Gives the memory back. The table must not be used afterwards. */
  close(): void {
    // Only once: at a second call, another attempt may be using the memory.
    if (!this.#closed) keepTableMemory(this.#memory);
    this.#closed = true;
  }

  /** Calls `take` for every entry, in the order of insertion. */
  forEach(
    take: (keys: Buffer, keyStart: number, keyEnd: number, value: unknown, partition: number) => void,
  ): void {
    const words = this.#words;
    for (let entry = 0; entry < this.#count; entry++) {
      const word = entry * ENTRY_WORDS;
      const length = words[word + LENGTH_WORD]!;
      const value = this.#valueOf(entry);
      const partition = words[word + PARTITION_WORD]!;
      const first = words[word + KEY_WORD]!;
      if (length > SHORT_KEY_BYTES_MAX) {
        take(this.#keys.bytes, first, first + length, value, partition);
      } else {
        writeShortKey(
          this.#shortKey,
          0,
          first,
          words[word + KEY_WORD + 1]!,
          words[word + KEY_WORD + 2]!,
          length,
        );
        take(this.#shortKey, 0, length, value, partition);
      }
    }
  }

  clear(): void {
    this.#count = 0;
    this.#countAtWatch = 0;
    this.#keys.end = 0;
    this.#clearSlots();
  }

  readonly #value = new GrowableSink(64);
  readonly #record = new RecordSlice();

  /** Does the same as RecordBuffer.drain(). */
  drain(writer: RunWriter, bytesMax: number, phases = untimed()): boolean {
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
    this.clear();
    return true;
  }

  #writeBatch(writer: RunWriter, offsets: Uint32Array, start: number, end: number): number {
    const batchEnd = Math.min(end, start + BATCH_RECORDS);
    const keys = this.#keys.bytes;
    const record = this.#record;
    const value = this.#value;
    record.keyBytes = keys;
    for (let i = start; i < batchEnd; i++) {
      const offset = offsets[i]!;
      const entry = keys.readUInt32LE(offset - 4);
      const keyStart = keyStartAt(keys, offset);
      record.keyStart = keyStart;
      record.keyEnd = keyStart + keyLengthAt(keys, offset);
      if (this.#restParts === 0) {
        value.end = encodeNumberValue(this.#values[entry * ENTRY_DOUBLES]!, value.bytes, 0);
      } else {
        value.reset();
        this.#valueCodec.encode(this.#valueOf(entry), value);
      }
      // The buffer rarely changes, and comparing costs less than the write barrier of an assignment.
      if (record.valueBytes !== value.bytes) record.valueBytes = value.bytes;
      record.valueEnd = value.end;
      writer.append(record);
    }
    return batchEnd;
  }

  /** Copies all keys to `keys`, and groups the entries by partition. */
  #grouped(): PartitionGroups {
    const keys = this.#keys;
    const words = this.#words;
    const memory = this.#memory;
    if (memory.grouped.length < this.#count) memory.grouped = new Uint32Array(this.#capacity);
    const groups = new PartitionGroups(this.#partitions, memory.grouped);
    for (let entry = 0; entry < this.#count; entry++) {
      groups.count(words[entry * ENTRY_WORDS + PARTITION_WORD]!);
    }
    groups.startPlacing();
    for (let entry = 0; entry < this.#count; entry++) {
      const word = entry * ENTRY_WORDS;
      const length = words[word + LENGTH_WORD]!;
      const first = words[word + KEY_WORD]!;
      let keyStart = first;
      let headerBytes = KEY_HEADER_BYTES - 4;
      if (length <= SHORT_KEY_BYTES_MAX) {
        keys.reserve(KEY_HEADER_BYTES + SHORT_KEY_BYTES_MAX);
        keyStart = keys.end + KEY_HEADER_BYTES;
        writeShortKey(
          keys.bytes,
          keyStart,
          first,
          words[word + KEY_WORD + 1]!,
          words[word + KEY_WORD + 2]!,
          length,
        );
        this.#keepKey(keyStart, length, entry);
      } else if (length > LENGTH_BYTE_MAX) {
        headerBytes = longHeaderBytes(length);
      }
      groups.place(words[word + PARTITION_WORD]!, keyStart - headerBytes);
    }
    return groups;
  }
}

function combineBy(operation: number, accumulated: number, value: number): number {
  if (operation === SUM) return accumulated + value;
  return operation === MIN ? Math.min(accumulated, value) : Math.max(accumulated, value);
}

/** Mixes the packed key with murmur3's rounds. Only the table uses this hash; partitions use key-hash.ts. */
function hashWords(word0: number, word1: number, word2: number, length: number): number {
  let hash =
    Math.imul(word0, 0xcc9e2d51) ^ Math.imul(word1, 0x1b873593) ^ Math.imul(word2, 0x85ebca6b) ^ length;
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return hash ^ (hash >>> 13);
}

function writeShortKey(
  bytes: Buffer,
  at: number,
  word0: number,
  word1: number,
  word2: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) {
    const word = i < 4 ? word0 : i < 8 ? word1 : word2;
    bytes[at + i] = word >>> (8 * (i & 3));
  }
}

/** The size of the two varints before a long key: the key's length, and the value's length, which is 0. */
function longHeaderBytes(keyLength: number): number {
  return writeVarint(keyLength + 1, lengthScratch, 0) + 1;
}

const lengthScratch = Buffer.alloc(VARINT_BYTES_MAX);
