/**
 * Groups records by partition with a counting sort, then writes the partitions in order, each sorted by key.
 *
 *     count() each record  ->  startPlacing()  ->  place() each record  ->  drain(), until it returns true
 *
 * Stable: records of one partition stay in the order in which they were placed. Cost: two passes over the records, and
 * 4 bytes per record and per partition. Each partition is sorted just before it is written, so the sort needs scratch
 * memory only for the largest partition.
 */
import type { RunWriter } from '../shuffle/run-writer.ts';

export class PartitionGroups {
  /**
   * For each partition: while counting, its number of records; while placing, the position of its next record in
   * #offsets; then, its end in #offsets.
   */
  readonly #ends: Uint32Array;
  readonly #offsets: Uint32Array;
  #partition = 0;
  #at = 0;
  #isSorted = false;

  /** @param offsets  receives the offset of each record, so it must have room for all of them */
  constructor(partitions: number, offsets: Uint32Array, ends: Uint32Array = new Uint32Array(partitions)) {
    this.#ends = ends;
    this.#offsets = offsets;
  }

  /** Groups of records that are counted and placed already. `ends` has the end of each partition in `offsets`. */
  static placed({ offsets, ends }: { offsets: Uint32Array; ends: Uint32Array }): PartitionGroups {
    return new PartitionGroups(ends.length, offsets, ends);
  }

  count(partition: number): void {
    this.#ends[partition]!++;
  }

  /** Called once after all records are counted, and before the first is placed. */
  startPlacing(): void {
    const ends = this.#ends;
    let sum = 0;
    for (let partition = 0; partition < ends.length; partition++) {
      const size = ends[partition]!;
      ends[partition] = sum;
      sum += size;
    }
  }

  place(partition: number, offset: number): void {
    this.#offsets[this.#ends[partition]!++] = offset;
  }

  /**
   * Writes blocks of about `bytesMax` in total. Returns true when all partitions are written.
   *
   * @param sort  sorts offsets[start, end) by key
   * @param write  writes one or more of the records offsets[start, end), in order; returns the position after the last
   */
  drain(
    writer: RunWriter,
    bytesMax: number,
    {
      sort,
      write,
    }: {
      sort: (offsets: Uint32Array, start: number, end: number) => void;
      write: (offsets: Uint32Array, start: number, end: number) => number;
    },
  ): boolean {
    const offsets = this.#offsets;
    const writeUntil = writer.bytesWritten + bytesMax;
    while (this.#partition < this.#ends.length) {
      const end = this.#ends[this.#partition]!;
      if (!this.#isSorted) sort(offsets, this.#at, end);
      this.#isSorted = true;
      while (this.#at < end) {
        this.#at = write(offsets, this.#at, end);
        if (writer.bytesWritten >= writeUntil) return false;
      }
      writer.endPartition();
      this.#partition++;
      this.#isSorted = false;
    }
    return true;
  }
}
