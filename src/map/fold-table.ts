/**
 * Combines while map emits, for values that are numbers: an open-addressing hash table over encoded keys, so that a
 * key which occurs a million times is stored once and costs one probe an emit.
 *
 *   slots      hash, entry + 1 (0: free)                             two 32-bit words, linear probing
 *   entries    accumulated value, offset and length of the key, hash, partition       24 bytes, one cache line
 *   keys       entry (u32)  varint(keyLength + 1)  0  key            as key-sort.ts wants it, the entry's number before
 *
 * The new key is written to the end of `keys` first, hashed on the way, and kept if it turns out to be new.
 *
 * Where keys hardly repeat, a table costs more than it saves: every emit misses the cache. The table watches how many
 * emits made a new entry, and says so (`hardlyFolds`); the collector then goes over to the sort buffer.
 */
import type { KeyCodec } from '../codec/codec.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { encodeNumberValue, NUMBER_VALUE_BYTES_MAX } from '../codec/number-value.ts';
import { stringCodec } from '../codec/string-codec.ts';
import { VARINT_BYTES_MAX, writeVarint } from '../codec/varint.ts';
import type { NamedCombiner, PairwiseCombiner } from '../job.ts';
import type { RunWriter } from '../shuffle/run-writer.ts';
import { FNV_OFFSET, FNV_PRIME, finishHash, hashKey } from './key-hash.ts';
import { KeySorter, keyLengthAt, keyStartAt } from './key-sort.ts';
import type { Partitioner } from './partitioner.ts';
import { combineNumbers, pairwise } from './value-fold.ts';

const ENTRY_BYTES = 24;
const SLOT_BYTES = 8;
/** Per entry while draining: its offset, its offset by partition, the sorter's scratch. */
const SORT_BYTES = 4 + 4 + KeySorter.scratchBytes(1);
const ENTRIES_AT_FIRST = 4096;
/** Entry number, key length of one byte, value length 0. Longer keys are moved. */
const KEY_HEADER_BYTES = 6;
const SHORT_KEY_MAX = 0x7e;
/** A short key takes the loop below; it is also what the loop may write before it notices. */
const LOOP_CHARACTERS_MAX = 64;

const WATCH_EMITS = 1 << 17;
const HARDLY_FOLDS_FRACTION = 0.8;

const SUM = 0;
const MIN = 1;
const MAX = 2;
const CALL = 3;

export class FoldTable {
  readonly #codec: KeyCodec<unknown>;
  readonly #partitioner: Partitioner;
  readonly #partitions: number;
  readonly #memoryBytes: number;
  readonly #full: () => void;
  readonly #operation: number;
  readonly #combine: PairwiseCombiner<number>;
  readonly #sorter = new KeySorter();
  readonly #keys = new GrowableSink(64 * 1024);

  #slots = new Int32Array(2 * 2 * ENTRIES_AT_FIRST);
  #slotMask = 2 * ENTRIES_AT_FIRST - 1;
  #words = new Int32Array((ENTRIES_AT_FIRST * ENTRY_BYTES) / 4);
  #values = new Float64Array(this.#words.buffer);
  #capacity = ENTRIES_AT_FIRST;
  #count = 0;
  #emitsUntilWatch = WATCH_EMITS;
  #countAtWatch = 0;
  #draining:
    | { offsets: Uint32Array; ends: Uint32Array; partition: number; at: number; sorted: boolean }
    | undefined;
  /** In the last WATCH_EMITS emits most keys were new. */
  hardlyFolds = false;

  constructor({
    codec,
    combine,
    partitioner,
    partitions,
    memoryBytes,
    full,
  }: {
    codec: KeyCodec<unknown>;
    combine: NamedCombiner | PairwiseCombiner<unknown>;
    partitioner: Partitioner;
    partitions: number;
    memoryBytes: number;
    /** Called when an entry more would exceed the memory: must empty the table by draining it. */
    full: () => void;
  }) {
    this.#codec = codec;
    this.#partitioner = partitioner;
    this.#partitions = partitions;
    this.#memoryBytes = memoryBytes;
    this.#full = full;
    this.#operation = combine === 'sum' ? SUM : combine === 'min' ? MIN : combine === 'max' ? MAX : CALL;
    this.#combine = pairwise(combine) as PairwiseCombiner<number>;
  }

  get count(): number {
    return this.#count;
  }

  /** The emit of jobs whose keys are strings. */
  emitText(key: string, value: number): void {
    const length = key.length;
    if (typeof key !== 'string' || length > LOOP_CHARACTERS_MAX) {
      this.emit(key, value);
      return;
    }
    const keys = this.#keys;
    if (keys.bytes.length - keys.end < KEY_HEADER_BYTES + LOOP_CHARACTERS_MAX)
      keys.reserve(KEY_HEADER_BYTES + LOOP_CHARACTERS_MAX);
    const bytes = keys.bytes;
    const start = keys.end + KEY_HEADER_BYTES;
    let hash = FNV_OFFSET;
    for (let i = 0; i < length; i++) {
      const code = key.charCodeAt(i);
      if (code >= 0x80) {
        this.emit(key, value);
        return;
      }
      bytes[start + i] = code;
      hash = Math.imul(hash ^ code, FNV_PRIME);
    }
    this.#fold(key, start, length, finishHash(hash), value);
  }

  emit(key: unknown, value: number): void {
    const keys = this.#keys;
    const before = keys.end;
    keys.reserve(KEY_HEADER_BYTES);
    keys.end += KEY_HEADER_BYTES;
    const start = keys.end;
    try {
      this.#codec.encode(key, keys);
    } catch (error) {
      keys.end = before;
      throw error;
    }
    const length = keys.end - start;
    keys.end = before;
    this.#fold(key, start, length, hashKey(keys.bytes, start, start + length), value);
  }

  /** The key's bytes lie at the end of #keys, not yet taken. */
  #fold(key: unknown, start: number, length: number, hash: number, value: number): void {
    const slots = this.#slots;
    const words = this.#words;
    const bytes = this.#keys.bytes;
    const mask = this.#slotMask;
    let slot = hash & mask;
    for (;;) {
      const entry = slots[2 * slot + 1]! - 1;
      if (entry < 0) break;
      if (slots[2 * slot] === hash) {
        const word = entry * 6 + 2;
        if (words[word + 1] === length) {
          const at = words[word]!;
          let i = 0;
          while (i < length && bytes[at + i] === bytes[start + i]) i++;
          if (i === length) {
            const old = this.#values[entry * 3]!;
            const operation = this.#operation;
            if (operation === SUM) this.#values[entry * 3] = old + value;
            else if (operation === MIN) this.#values[entry * 3] = Math.min(old, value);
            else if (operation === MAX) this.#values[entry * 3] = Math.max(old, value);
            else this.#values[entry * 3] = combineNumbers(this.#combine, old, value);
            if (--this.#emitsUntilWatch === 0) this.#watch();
            return;
          }
        }
      }
      slot = (slot + 1) & mask;
    }
    if (--this.#emitsUntilWatch === 0) this.#watch();
    this.#insert(key, start, length, hash, value, slot);
  }

  #insert(key: unknown, start: number, length: number, hash: number, value: number, freeSlot: number): void {
    const partition = this.#partitioner.partitionOf(key, this.#keys.bytes, start, start + length);
    let slot = freeSlot;
    let keyStart = start;
    if (this.#count === this.#capacity || this.#isFull(length)) {
      if (this.#count > 0 && this.#isFull(length)) {
        const copy = Buffer.from(this.#keys.bytes.subarray(start, start + length));
        this.#full();
        keyStart = this.#keys.end + KEY_HEADER_BYTES;
        copy.copy(this.#keys.bytes, keyStart);
      } else {
        this.#grow();
      }
      slot = this.#freeSlot(hash);
    }
    const end = this.#keepKey(keyStart, length);
    const entry = this.#count++;
    const word = entry * 6 + 2;
    this.#slots[2 * slot] = hash;
    this.#slots[2 * slot + 1] = entry + 1;
    this.#values[entry * 3] = value;
    this.#words[word] = end - length;
    this.#words[word + 1] = length;
    this.#words[word + 2] = hash;
    this.#words[word + 3] = partition;
  }

  /** Writes the header before the key, moving a long key out of its way; answers where the key ends. */
  #keepKey(start: number, length: number): number {
    const keys = this.#keys;
    const record = start - KEY_HEADER_BYTES;
    let keyStart = start;
    if (length > SHORT_KEY_MAX) {
      keys.end = start + length;
      keys.reserve(VARINT_BYTES_MAX);
      keyStart = record + 4 + longHeaderBytes(length);
      keys.bytes.copyWithin(keyStart, start, start + length);
    }
    keys.bytes.writeUInt32LE(this.#count, record);
    keys.bytes[writeVarint(length + 1, keys.bytes, record + 4)] = 0;
    keys.end = keyStart + length;
    return keys.end;
  }

  #isFull(keyBytes: number): boolean {
    const entries = this.#count === this.#capacity ? 2 * this.#capacity : this.#capacity;
    return (
      this.#keys.end + keyBytes + KEY_HEADER_BYTES + entries * (ENTRY_BYTES + 2 * SLOT_BYTES + SORT_BYTES) >
      this.#memoryBytes
    );
  }

  #freeSlot(hash: number): number {
    let slot = hash & this.#slotMask;
    while (this.#slots[2 * slot + 1] !== 0) slot = (slot + 1) & this.#slotMask;
    return slot;
  }

  #grow(): void {
    this.#capacity *= 2;
    const words = new Int32Array((this.#capacity * ENTRY_BYTES) / 4);
    words.set(this.#words);
    this.#words = words;
    this.#values = new Float64Array(words.buffer);
    this.#slots = new Int32Array(2 * 2 * this.#capacity);
    this.#slotMask = 2 * this.#capacity - 1;
    for (let entry = 0; entry < this.#count; entry++) {
      const hash = words[entry * 6 + 4]!;
      const slot = this.#freeSlot(hash);
      this.#slots[2 * slot] = hash;
      this.#slots[2 * slot + 1] = entry + 1;
    }
  }

  #watch(): void {
    this.hardlyFolds = this.#count - this.#countAtWatch > HARDLY_FOLDS_FRACTION * WATCH_EMITS;
    this.#countAtWatch = this.#count;
    this.#emitsUntilWatch = WATCH_EMITS;
  }

  /** Hands over every entry, in order of insertion. */
  forEach(
    take: (keys: Buffer, keyStart: number, keyEnd: number, value: number, partition: number) => void,
  ): void {
    const words = this.#words;
    for (let entry = 0; entry < this.#count; entry++) {
      const word = entry * 6 + 2;
      const start = words[word]!;
      take(this.#keys.bytes, start, start + words[word + 1]!, this.#values[entry * 3]!, words[word + 3]!);
    }
  }

  clear(): void {
    this.#count = 0;
    this.#countAtWatch = 0;
    this.#keys.end = 0;
    this.#slots.fill(0);
  }

  readonly #value = Buffer.alloc(NUMBER_VALUE_BYTES_MAX);

  /** As RecordBuffer.drain(). */
  drain(writer: RunWriter, bytesMax: number): boolean {
    this.#draining ??= this.#startDraining();
    const draining = this.#draining;
    const keys = this.#keys.bytes;
    const writeUntil = writer.bytesWritten + bytesMax;
    while (draining.partition < this.#partitions) {
      const end = draining.ends[draining.partition]!;
      if (!draining.sorted) {
        this.#sorter.sort(keys, draining.offsets, draining.at, end);
        draining.sorted = true;
      }
      while (draining.at < end) {
        const offset = draining.offsets[draining.at++]!;
        const entry = keys.readUInt32LE(offset - 4);
        const valueEnd = encodeNumberValue(this.#values[entry * 3]!, this.#value, 0);
        const keyStart = keyStartAt(keys, offset);
        writer.append(keys, keyStart, keyStart + keyLengthAt(keys, offset), this.#value, 0, valueEnd);
        if (writer.bytesWritten >= writeUntil) return false;
      }
      writer.endPartition();
      draining.partition++;
      draining.sorted = false;
    }
    this.#draining = undefined;
    this.clear();
    return true;
  }

  #startDraining() {
    const ends = new Uint32Array(this.#partitions);
    const words = this.#words;
    for (let entry = 0; entry < this.#count; entry++) ends[words[entry * 6 + 5]!]!++;
    let sum = 0;
    for (let partition = 0; partition < this.#partitions; partition++) {
      const size = ends[partition]!;
      ends[partition] = sum;
      sum += size;
    }
    const offsets = new Uint32Array(this.#count);
    for (let entry = 0; entry < this.#count; entry++) {
      const start = words[entry * 6 + 2]!;
      const length = words[entry * 6 + 3]!;
      const header = length <= SHORT_KEY_MAX ? 2 : longHeaderBytes(length);
      offsets[ends[words[entry * 6 + 5]!]!++] = start - header;
    }
    return { offsets, ends, partition: 0, at: 0, sorted: false };
  }
}

/** Of the two varints before a long key: its length, and the value's, which is 0. */
function longHeaderBytes(keyLength: number): number {
  return writeVarint(keyLength + 1, lengthScratch, 0) + 1;
}

const lengthScratch = Buffer.alloc(VARINT_BYTES_MAX);

/** Whether jobs with this key codec can use emitText(). */
export function takesText(codec: KeyCodec<unknown>): boolean {
  return codec === (stringCodec as unknown as KeyCodec<unknown>);
}
