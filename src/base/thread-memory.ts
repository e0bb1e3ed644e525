/**
 * Large memory that a thread keeps between attempts. A thread runs one attempt at a time, so all attempts can use the same
 * memory. Allocating it anew for each would leave the old memory to the garbage collector, which is slow to free off-heap
 * memory, and the process would grow with the number of tasks. Memory that was never touched costs nothing.
 *
 * Holders start with the memory of an earlier attempt, but its size must not influence the result, such as when a buffer
 * counts as full. A second attempt in the same thread, as in tests, gets memory of its own.
 */
import { collectMemories } from './web-assembly.ts';

const all: { drop(): boolean }[] = [];

/** Keeps one `M` while no attempt uses it. Create one instance for each kind of memory, when the module loads. */
export class KeptMemory<M> {
  readonly #free: (memory: M) => boolean;
  #kept: M | undefined;

  /** @param free  frees the memory: see freeArrays(). Returns whether much of it is freed only when garbage is collected */
  constructor(free: (memory: M) => boolean) {
    this.#free = free;
    all.push(this);
  }

  /** Returns the kept memory, whose content is undefined; undefined if there is none. Return it with keep(). */
  take(): M | undefined {
    const memory = this.#kept;
    this.#kept = undefined;
    return memory;
  }

  keep(memory: M): void {
    this.#kept = memory;
  }

  /** Frees the kept memory immediately. */
  release(): void {
    if (this.drop()) collectMemories();
  }

  /** Frees the kept memory. Returns whether much of it is freed only when garbage is collected. */
  drop(): boolean {
    const memory = this.take();
    return memory !== undefined && this.#free(memory);
  }
}

/** Frees the memory of arrays, each of which owns its whole ArrayBuffer, without waiting for the collector. */
export function freeArrays(...arrays: readonly NodeJS.TypedArray[]): void {
  // transfer() detaches the memory. It is never a SharedArrayBuffer.
  for (const array of arrays) (array.buffer as ArrayBuffer).transfer(0);
}

/** Frees everything that this thread keeps. Called when the thread starts work that needs the memory for something else. */
export function releaseThreadMemory(): void {
  const isGarbage = all.map((memory) => memory.drop());
  if (isGarbage.includes(true)) collectMemories();
}
