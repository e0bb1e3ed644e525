/** Keeps the memory of a thread's sort buffer and fold table for the thread's next attempt (base/thread-memory.ts). */
import { KiB } from '../base/limits.ts';
import { KeptMemory } from '../base/thread-memory.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { KeySorter } from './key-sort.ts';

export interface SortMemory {
  arena: Buffer;
  offsets: Uint32Array<ArrayBuffer>;
  partitions: Uint16Array<ArrayBuffer>;
  /** Offsets grouped by partition. */
  grouped: Uint32Array<ArrayBuffer>;
  readonly sorter: KeySorter;
}

export interface TableMemory {
  slots: Int32Array<ArrayBuffer>;
  readonly keys: GrowableSink;
  /** Offsets grouped by partition. */
  grouped: Uint32Array<ArrayBuffer>;
  readonly sorter: KeySorter;
}

const sortMemory = new KeptMemory<SortMemory>(({ arena, offsets, partitions, grouped }) => [
  arena,
  offsets,
  partitions,
  grouped,
]);
const tableMemory = new KeptMemory<TableMemory>(({ slots, grouped, keys }) => [slots, grouped, keys.bytes]);

/** Returns memory with an arena of at least `arenaBytes` and undefined content. Give it back to keepSortMemory(). */
export function takeSortMemory(arenaBytes: number): SortMemory {
  const kept = sortMemory.take();
  if (kept !== undefined && kept.arena.length >= arenaBytes) return kept;
  const arena = Buffer.allocUnsafeSlow(arenaBytes);
  return {
    offsets: new Uint32Array(0),
    partitions: new Uint16Array(0),
    grouped: new Uint32Array(0),
    sorter: new KeySorter(),
    ...kept,
    arena,
  };
}

export function keepSortMemory(memory: SortMemory): void {
  sortMemory.keep(memory);
}

/** Returns arrays of any length and content, and an empty sink. Give it back to keepTableMemory(). */
export function takeTableMemory(): TableMemory {
  const kept = tableMemory.take();
  if (kept !== undefined) return kept;
  return {
    slots: new Int32Array(0),
    keys: new GrowableSink(64 * KiB),
    grouped: new Uint32Array(0),
    sorter: new KeySorter(),
  };
}

export function keepTableMemory(memory: TableMemory): void {
  memory.keys.reset();
  tableMemory.keep(memory);
}

/** Frees the memory that a fold table has given back. */
export function releaseTableMemory(): void {
  tableMemory.release();
}
