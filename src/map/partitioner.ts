/** Assigns keys to partitions. */
import type { Job, ParameterValues, PartitionFunction } from '../api/job.ts';
import { userCodeError } from '../api/user-code.ts';
import { compareBytes } from '../base/byte-ranges.ts';
import { MapReduceError } from '../base/errors.ts';
import { describeReturned, refusePromise } from '../base/user-returns.ts';
import { isBytesRange } from '../codec/bytes-range.ts';
import type { KeyCodec } from '../codec/codec.ts';
import { printKey } from '../codec/print-key.ts';
import type { JobSettings } from '../plan/task.ts';
import { hashKey, partitionOfHash } from './key-hash.ts';

export interface Partitioner {
  /** Whether it calls a function of the user's, with the key. The others need only the encoded key. */
  readonly isUserCode?: boolean;
  /** The number of partitions, if the hash of the encoded key alone decides: partitionOfHash(). */
  readonly byHash?: number;
  /**
   * Returns the partition of a key, in [0, partitions). The encoded key is bytes[start, end).
   *
   * @throws PartitionOutOfRangeError, and UserCodeError if the job's function throws
   */
  partitionOf(key: unknown, bytes: Buffer, start: number, end: number): number;
}

export function createPartitioner(job: Job, settings: JobSettings): Partitioner {
  const partitions = settings.reducers;
  if (partitions <= 1 && settings.partition.kind !== 'custom') return SINGLE_PARTITION;
  switch (settings.partition.kind) {
    case 'hash':
      return new HashPartitioner(partitions);
    case 'range':
      return new RangePartitioner(settings.partition.boundaries.map((key) => Buffer.from(key, 'base64')));
    case 'custom':
      return new CustomPartitioner(
        // The cast: a plan is 'custom' only if the job has such a function.
        job.shuffle!.partition as PartitionFunction<unknown, ParameterValues>,
        partitions,
        settings.params,
        job.shuffle!.key,
      );
  }
}

/** Assigns every key to partition 0. */
export const SINGLE_PARTITION: Partitioner = { byHash: 1, partitionOf: () => 0 };

class HashPartitioner implements Partitioner {
  readonly byHash: number;

  constructor(partitions: number) {
    this.byHash = partitions;
  }

  partitionOf(_key: unknown, bytes: Buffer, start: number, end: number): number {
    return partitionOfHash(hashKey(bytes, start, end), this.byHash);
  }
}

/**
 * boundaries[i] is the first key of partition i + 1. The first two bytes of a key decide, by a table, unless a boundary has the
 * same ones: a search among random keys costs 30 ns, mostly for branches that are predicted wrongly.
 */
class RangePartitioner implements Partitioner {
  readonly #boundaries: readonly Buffer[];
  /** For each two bytes: 1 + the partition of all keys that start with them, 0 if that depends on the rest. */
  readonly #partitions = new Uint16Array(1 << 16);

  constructor(boundaries: readonly Buffer[]) {
    this.#boundaries = boundaries;
    let from = 0;
    for (const [index, boundary] of boundaries.entries()) {
      const start = ((boundary[0] ?? 0) << 8) | (boundary[1] ?? 0);
      this.#partitions.fill(1 + index, from, start);
      from = start + 1;
    }
    this.#partitions.fill(1 + boundaries.length, from);
  }

  partitionOf(_key: unknown, bytes: Buffer, start: number, end: number): number {
    if (end - start >= 2) {
      const partition = this.#partitions[(bytes[start]! << 8) | bytes[start + 1]!]!;
      if (partition > 0) return partition - 1;
    }
    return this.#searched(bytes, start, end);
  }

  #searched(bytes: Buffer, start: number, end: number): number {
    let low = 0;
    let high = this.#boundaries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const boundary = this.#boundaries[middle]!;
      if (compareBytes(boundary, 0, boundary.length, bytes, start, end) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

class CustomPartitioner implements Partitioner {
  readonly isUserCode = true;
  readonly #partition: PartitionFunction<unknown, ParameterValues>;
  readonly #partitions: number;
  readonly #params: ParameterValues;
  readonly #key: KeyCodec<unknown>;

  constructor(
    partition: PartitionFunction<unknown, ParameterValues>,
    partitions: number,
    params: ParameterValues,
    key: KeyCodec<unknown>,
  ) {
    this.#partition = partition;
    this.#partitions = partitions;
    this.#params = params;
    this.#key = key;
  }

  partitionOf(emitted: unknown, bytes: Buffer, start: number, end: number): number {
    const key = holdsRange(emitted) ? this.#key.decode(bytes, start, end) : emitted;
    let partition: number;
    try {
      partition = this.#partition(key, this.#partitions, this.#params);
    } catch (error) {
      throw userCodeError('partition', error, { groupKey: printKey(this.#key, bytes, start, end) });
    }
    if (!Number.isInteger(partition) || partition < 0 || partition >= this.#partitions) {
      refusePromise('partition', partition);
      const groupKey = printKey(this.#key, bytes, start, end);
      throw new MapReduceError(
        'PartitionOutOfRangeError',
        `partition() returned ${describeReturned(partition)} for the key ${groupKey}; it must return ${allowed(this.#partitions)}. Round the result, and take it modulo the number of partitions`,
        { details: { phase: 'partition', groupKey } },
      );
    }
    return partition;
  }
}

/** Whether the key is, or a tuple that has, a range of bytes, which the job's function does not expect. */
function holdsRange(key: unknown): boolean {
  return Array.isArray(key) ? key.some(holdsRange) : isBytesRange(key);
}

function allowed(partitions: number): string {
  return partitions === 1
    ? '0 (there is 1 partition)'
    : `a whole number from 0 to ${partitions - 1} (there are ${partitions} partitions)`;
}
