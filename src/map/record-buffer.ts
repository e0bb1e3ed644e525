/**
 * The sort buffer. It stores records in one arena, in the order in which they were emitted, with an array of offsets and an
 * array of partitions beside it (sort-memory.ts).
 *
 *   record:   varint(keyLength + 1)  varint(valueLength)  key  value      (key-sort.ts)
 *
 * One budget covers everything: the buffer counts the records, their entries and the memory that sorting will need, and
 * spills before their sum exceeds the budget.
 *
 * Draining sorts one partition at a time and writes its records in order, block by block. If the job has a combiner, it folds
 * records with equal keys. Records are scattered over the arena, so each one costs a cache miss. A batch of records is touched
 * before it is sorted or written, so that the misses overlap (a prefetch).
 */
import { equalBytes } from '../base/byte-ranges.ts';
import { MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { untimed } from '../base/phase-clock.ts';
import { VARINT_BYTES_MAX, writeVarint } from '../base/varint.ts';
import { lineInBytes } from '../codec/bytes-range.ts';
import type { ByteSink } from '../codec/codec.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { encodeNumberValue } from '../codec/number-value.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import { TOO_LONG, type Words, writeText } from '../codec/words.ts';
import type { ValueFold } from '../fold/fold.ts';
import type { RunWriter } from '../shuffle/run-writer.ts';
import { locate } from './key-sort.ts';
import { PartitionGroups } from './partition-groups.ts';
import { RECORD_SORT_BYTES, type SortMemory, WORDS_TEXT_BYTES_MAX } from './sort-memory.ts';
import { keepSortMemory, takeSortMemory } from './thread-memory.ts';

/** Reserved for the lengths of key and value, one byte each. If a length needs more, key and value are moved. */
const HEADER_BYTES = 2;
/** Records that are touched together before they are folded. */
const FOLDED_RECORDS = 64;

export class RecordBuffer implements ByteSink {
  /** Codecs write to these bytes, as a ByteSink. */
  bytes: Buffer;
  end = 0;

  readonly #memoryBytes: number;
  readonly #partitions: number;
  readonly #fold: ValueFold | undefined;
  /** Spills the records, so that the buffer is empty. */
  readonly #spill: () => void;
  readonly #onStep: () => void;
  readonly #memory: SortMemory;
  #closed = false;
  #count = 0;
  #recordStart = 0;
  #keyEnd = 0;
  /** Set while draining. */
  #groups: PartitionGroups | undefined;
  #touched = 0;

  constructor({
    memoryBytes,
    partitions,
    fold,
    spill,
    onStep = () => {},
  }: {
    memoryBytes: number;
    partitions: number;
    fold: ValueFold | undefined;
    spill: () => void;
    /** Called during long phases; may throw to stop the work. */
    onStep?: () => void;
  }) {
    this.#memoryBytes = memoryBytes;
    this.#partitions = partitions;
    this.#fold = fold;
    this.#spill = spill;
    this.#onStep = onStep;
    this.#memory = takeSortMemory(memoryBytes);
    this.#memory.forgetCopies();
    this.bytes = this.#memory.arena.subarray(0, memoryBytes);
  }

  get count(): number {
    return this.#count;
  }

  /** Starts a record; the caller then encodes the key into this sink. Returns the key's start until the sink moves. */
  startRecord(): number {
    if (this.end + this.#count * RECORD_SORT_BYTES >= this.#memoryBytes - HEADER_BYTES) this.#spill();
    this.#recordStart = this.end;
    this.end += HEADER_BYTES;
    return this.end;
  }

  get keyStart(): number {
    return this.#recordStart + HEADER_BYTES;
  }

  /** Ends the key. The caller then encodes the value into this sink. */
  endKey(): void {
    this.#keyEnd = this.end;
  }

  endRecord(partition: number): void {
    const keyLength = this.#keyEnd - this.#recordStart - HEADER_BYTES;
    this.#writeHeader(keyLength, this.end - this.#keyEnd);
    this.#addRecord(partition);
  }

  #addRecord(partition: number): void {
    const { offsets, partitions } = this.#memory;
    const record = this.#count++;
    offsets[record] = this.#recordStart;
    partitions[record] = partition;
  }

  /**
   * Ends the record, whose value is the text of the line that is being delivered. Its bytes are copied later.
   *
   * @returns false if the caller has to encode the value
   */
  endRecordWithLine(partition: number): boolean {
    const { bytes, start, end } = lineInBytes;
    const length = end - start;
    const memory = this.#memory;
    if (this.bytes.length - this.end < length + 2 * VARINT_BYTES_MAX || !memory.takesCopies(bytes))
      return false;
    const keyLength = this.#keyEnd - this.#recordStart - HEADER_BYTES;
    this.#writeHeader(keyLength, length);
    memory.copyLater(this.end, bytes, start, end);
    this.end += length;
    this.#addRecord(partition);
    return true;
  }

  /** Discards the record that was started. */
  cancelRecord(): void {
    this.end = this.#recordStart;
  }

  /** Whether appendWords() is there. */
  get appendsWords(): boolean {
    return this.#memory.appendsWords;
  }

  /**
   * Appends a record for each of the words, with this value. `emitOne` emits those that need another way.
   *
   * @param value  a number
   * @param partitions  partitions by hash
   * @returns how many records it appended, without those of `emitOne`
   */
  appendWords(words: Words, value: number, partitions: number, emitOne: (word: unknown) => void): number {
    const memory = this.#memory;
    const keepsCase = words.letterCase === 'keep';
    memory.finishCopies();
    const valueBytes = encodeNumberValue(value, memory.value, 0);
    let end = writeText(words, memory.text, WORDS_TEXT_BYTES_MAX);
    let appended = 0;
    for (let at = 0; at < end; ) {
      const before = this.#count;
      const usedBytes = this.end;
      const budgetBytes = this.#memoryBytes;
      const state = { budgetBytes, usedBytes, count: before, valueBytes, partitions };
      const stopped = memory.appendWords({ at, end, keepsCase }, state);
      this.end = stopped.usedBytes;
      this.#count = stopped.count;
      appended += stopped.count - before;
      at = stopped.at;
      if (at === end) return appended;
      if (!stopped.isFull || stopped.count === 0) {
        words.visit(emitOne, at);
        return appended;
      }
      this.#spill();
      // The spill has used the memory of the text.
      end = writeText(words, memory.text, WORDS_TEXT_BYTES_MAX);
    }
    if (end === TOO_LONG) words.visit(emitOne);
    return appended;
  }

  reserve(sizeBytes: number): void {
    if (this.bytes.length - this.end < sizeBytes) this.#makeRoom(sizeBytes);
  }

  /**
   * Writes the records in order of (partition, key), in blocks of about `bytesMax` in total per call. Returns true when
   * all records are written and the buffer is empty.
   *
   * @param phases  counts the time for sorting
   */
  drain(writer: RunWriter, bytesMax: number, phases = untimed()): boolean {
    this.#groups ??= phases.time('sorting', () => this.#grouped());
    const isDrained = this.#groups.drain(writer, bytesMax, {
      sort: (_offsets, start, end) => {
        this.#onStep();
        phases.time('sorting', () => this.#memory.sort(start, end));
      },
      write: (offsets, start, end) => this.#write(writer, offsets, start, end),
    });
    if (!isDrained) return false;
    this.#groups = undefined;
    this.#count = 0;
    this.end = 0;
    return true;
  }

  /** Gives the memory back. The buffer must not be used afterwards. */
  close(): void {
    // Only once: at a second call, another attempt may be using the memory.
    if (!this.#closed) keepSortMemory(this.#memory);
    this.#closed = true;
  }

  /** Groups the records by partition, in the order in which they were emitted. */
  #grouped(): PartitionGroups {
    this.#onStep();
    return PartitionGroups.placed(
      this.#memory.group(this.#count, { arenaBytes: this.end, partitions: this.#partitions }),
    );
  }

  #write(writer: RunWriter, offsets: Uint32Array, start: number, end: number): number {
    const fold = this.#fold;
    if (fold === undefined) return this.#writeBlock(writer, offsets, start, end);
    return this.#writeFolded(writer, offsets, start, end, fold);
  }

  #writeBlock(writer: RunWriter, offsets: Uint32Array, start: number, end: number): number {
    const { payload, records } = this.#memory.gather(start, end, writer);
    if (records > 0) {
      writer.appendBlock(payload, records);
      return start + records;
    }
    // The record is larger than a block.
    const record = this.#record;
    record.keyBytes = record.valueBytes = this.bytes;
    locate(this.bytes, offsets[start]!, record);
    writer.append(record);
    return start + 1;
  }

  /** Writes records whose keys no other has, or one group after the other. */
  #writeFolded(writer: RunWriter, offsets: Uint32Array, start: number, end: number, fold: ValueFold): number {
    const { payload, records } = this.#memory.gatherSingles(start, end, writer.missing);
    if (records > 0) {
      writer.appendEncoded(payload, records);
      return start + records;
    }
    const batchEnd = Math.min(end, start + FOLDED_RECORDS);
    // The sum is kept so that the compiler does not remove the loads.
    this.#touched += touch(this.bytes, offsets, start, batchEnd);
    return this.#writeGroups(writer, offsets, start, batchEnd, end, fold);
  }

  /**
   * Writes at least one record. It may write past `batchEnd`, up to the end of the group that crosses it. After a group, it
   * returns before a record whose key no other has.
   */
  #writeGroups(
    writer: RunWriter,
    offsets: Uint32Array,
    start: number,
    batchEnd: number,
    end: number,
    fold: ValueFold,
  ): number {
    const bytes = this.bytes;
    let record = this.#record;
    let next = this.#nextRecord;
    const folded = this.#foldedRecord;
    record.keyBytes = record.valueBytes = bytes;
    next.keyBytes = next.valueBytes = bytes;
    folded.keyBytes = bytes;
    locate(bytes, offsets[start]!, record);
    let i = start;
    while (i < batchEnd) {
      if (++i < end) locate(bytes, offsets[i]!, next);
      if (i < end && sameKey(bytes, record, next)) {
        fold.start(bytes, record.valueStart, record.valueEnd);
        do {
          fold.add(bytes, next.valueStart, next.valueEnd);
          if (++i < end) locate(bytes, offsets[i]!, next);
        } while (i < end && sameKey(bytes, record, next));
        this.#folded.reset();
        fold.writeTo(this.#folded);
        folded.keyStart = record.keyStart;
        folded.keyEnd = record.keyEnd;
        // The buffer rarely changes, and comparing costs less than the write barrier of an assignment.
        if (folded.valueBytes !== this.#folded.bytes) folded.valueBytes = this.#folded.bytes;
        folded.valueEnd = this.#folded.end;
        writer.append(folded);
      } else if (i - 1 === start || !this.#memory.gathersSingles) {
        writer.append(record);
      } else {
        return i - 1;
      }
      [record, next] = [next, record];
    }
    return i;
  }

  readonly #folded = new GrowableSink(64);
  readonly #record = new RecordSlice();
  readonly #nextRecord = new RecordSlice();
  readonly #foldedRecord = new RecordSlice();

  #writeHeader(keyLength: number, valueLength: number): void {
    if (keyLength < 0x7f && valueLength < 0x80) {
      const start = this.#recordStart;
      this.bytes[start] = keyLength + 1;
      this.bytes[start + 1] = valueLength;
    } else {
      this.#writeLongHeader(keyLength, valueLength);
    }
  }

  /** Moves what is written of the record to make room for longer lengths. */
  #writeLongHeader(keyLength: number, valueLength: number): void {
    const lengths = this.#longHeader;
    const lengthsEnd = writeVarint(valueLength, lengths, writeVarint(keyLength + 1, lengths, 0));
    this.reserve(lengthsEnd - HEADER_BYTES);
    const start = this.#recordStart;
    this.bytes.copyWithin(start + lengthsEnd, start + HEADER_BYTES, this.end);
    lengths.copy(this.bytes, start, 0, lengthsEnd);
    this.end += lengthsEnd - HEADER_BYTES;
  }

  readonly #longHeader = Buffer.alloc(2 * VARINT_BYTES_MAX);

  /** Spills the complete records, and moves the record that is being written to the start. */
  #makeRoom(sizeBytes: number): void {
    const startedBytes = this.end - this.#recordStart;
    if (startedBytes + sizeBytes > LIMITS.recordBytesMax) {
      throw new MapReduceError(
        'RecordTooLargeError',
        `one emitted key and value take more than ${LIMITS.recordBytesMax} bytes, the maximum for one record. Emit several smaller values`,
      );
    }
    const started = Buffer.from(this.bytes.subarray(this.#recordStart, this.end));
    const keyBytes = this.#keyEnd - this.#recordStart;
    if (this.#count > 0) {
      this.end = this.#recordStart;
      this.#spill();
    }
    const neededBytes = startedBytes + sizeBytes;
    if (neededBytes > this.bytes.length) {
      throw new MapReduceError(
        'RecordTooLargeError',
        `one emitted key and value do not fit into the sort buffer of ${this.bytes.length} bytes. Give the workers more memory (--memory), or emit smaller values`,
      );
    }
    started.copy(this.bytes, 0);
    this.#recordStart = 0;
    this.#keyEnd = keyBytes;
    this.end = startedBytes;
  }
}

function sameKey(bytes: Buffer, a: RecordSlice, b: RecordSlice): boolean {
  return equalBytes(bytes, a.keyStart, a.keyEnd, bytes, b.keyStart, b.keyEnd);
}

/** Reads one byte of each record, so that its cache line is fetched. The loads do not depend on each other. */
function touch(bytes: Buffer, offsets: Uint32Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += bytes[offsets[i]!]!;
  return sum;
}
