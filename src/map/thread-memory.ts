/** Keeps the memory of a thread's sort buffer and fold table for the thread's next attempt (base/thread-memory.ts). */
import { KiB } from '../base/limits.ts';
import { freeArrays, KeptMemory } from '../base/thread-memory.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { FoldMemory } from './fold-memory.ts';
import { KeySorter } from './key-sort.ts';
import { SortMemory } from './sort-memory.ts';

export interface TableMemory {
  readonly fold: FoldMemory;
  readonly keys: GrowableSink;
  /** Offsets grouped by partition. */
  grouped: Uint32Array<ArrayBuffer>;
  readonly sorter: KeySorter;
}

const sortMemory = new KeptMemory<SortMemory>((memory) => memory.free());
const tableMemory = new KeptMemory<TableMemory>(({ fold, grouped, keys }) => {
  freeArrays(grouped, keys.bytes);
  return fold.free();
});

/** Returns memory with an arena of at least `arenaBytes` and undefined content. Give it back to keepSortMemory(). */
export function takeSortMemory(arenaBytes: number): SortMemory {
  const kept = sortMemory.take();
  if (kept !== undefined && kept.arena.length >= arenaBytes) return kept;
  kept?.free();
  return new SortMemory(arenaBytes);
}

export function keepSortMemory(memory: SortMemory): void {
  sortMemory.keep(memory);
}

/** Returns arrays of any length and content, and an empty sink. Give it back to keepTableMemory(). */
export function takeTableMemory(): TableMemory {
  return tableMemory.take() ?? newTableMemory(new FoldMemory());
}

export function newTableMemory(fold: FoldMemory): TableMemory {
  return {
    fold,
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
