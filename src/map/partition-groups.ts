/**
 * Groups records by partition with a counting sort, then writes one partition after the other, each sorted by key.
 *
 *     count() each record  ->  startPlacing()  ->  place() each record  ->  drain(), until it returns true
 *
 * Stable: records of one partition stay in the order in which they are placed. Cost: two passes over the records, and 4
 * bytes for each record and each partition. A partition is sorted when its turn comes, so that the sort's scratch memory
 * is that of the largest partition.
 */
import type { RunWriter } from '../shuffle/run-writer.ts';

export class PartitionGroups {
  /** How many records partition p has; then where its next record goes; in the end, where it ends in #offsets. */
  readonly #ends: Uint32Array;
  readonly #offsets: Uint32Array;
  #partition = 0;
  #at = 0;
  #isSorted = false;

  /** @param offsets  takes the offset of each record, so it has room for all of them */
  constructor(partitions: number, offsets: Uint32Array) {
    this.#ends = new Uint32Array(partitions);
    this.#offsets = offsets;
  }

  count(partition: number): void {
    this.#ends[partition]!++;
  }

  /** All records are counted; each is now placed. */
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
   * Writes about `bytesMax` of blocks; true when all partitions are written.
   *
   * @param sort  sorts offsets[start, end) by key
   * @param write  writes some records, from `start` on and none from `end` on; returns where it stopped
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
