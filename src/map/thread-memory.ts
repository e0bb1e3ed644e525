/**
 * The large memory of a thread. One attempt runs in a thread at a time, so the same memory serves them all: allocating
 * it anew for each would leave the old to the garbage collector, which sees no hurry with what lies outside its heap,
 * and the process would grow with the number of tasks. Memory that was never touched costs nothing.
 *
 * Holders start with what an earlier attempt left, but never let it decide anything: how much there is says nothing
 * about when a buffer is full. A second attempt in the same thread, as in tests, gets memory of its own.
 */
import { KiB } from '../base/limits.ts';
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
  words: Int32Array<ArrayBuffer>;
  readonly keys: GrowableSink;
  /** Offsets grouped by partition. */
  grouped: Uint32Array<ArrayBuffer>;
  readonly sorter: KeySorter;
}

let sortMemory: SortMemory | undefined;
let tableMemory: TableMemory | undefined;

/** With an arena of at least `arenaBytes`, its content undefined. Give it back by keepSortMemory(). */
export function takeSortMemory(arenaBytes: number): SortMemory {
  const kept = sortMemory;
  sortMemory = undefined;
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
  sortMemory = memory;
}

/** Arrays of any length and content, and an empty sink. Give it back by keepTableMemory(). */
export function takeTableMemory(): TableMemory {
  const kept = tableMemory;
  tableMemory = undefined;
  if (kept !== undefined) return kept;
  return {
    slots: new Int32Array(0),
    words: new Int32Array(0),
    keys: new GrowableSink(64 * KiB),
    grouped: new Uint32Array(0),
    sorter: new KeySorter(),
  };
}

/** Gives back what is kept, at once: called when a thread goes over to work that needs its memory otherwise. */
export function releaseThreadMemory(): void {
  // transfer() detaches the memory and frees it without waiting for the collector.
  for (const view of [sortMemory?.arena, sortMemory?.offsets, sortMemory?.partitions, sortMemory?.grouped]) {
    (view?.buffer as ArrayBuffer | undefined)?.transfer(0);
  }
  sortMemory = undefined;
  releaseTableMemory();
}

/** The same of what a table has given back. */
export function releaseTableMemory(): void {
  for (const view of [
    tableMemory?.slots,
    tableMemory?.words,
    tableMemory?.grouped,
    tableMemory?.keys.bytes,
  ]) {
    (view?.buffer as ArrayBuffer | undefined)?.transfer(0);
  }
  tableMemory = undefined;
}

export function keepTableMemory(memory: TableMemory): void {
  memory.keys.reset();
  tableMemory = memory;
}
