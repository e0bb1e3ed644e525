/**
 * Large memory that a thread keeps between attempts. A thread runs one attempt at a time, so all attempts can use the same
 * memory. Allocating it anew for each would leave the old memory to the garbage collector, which is slow to free off-heap
 * memory, and the process would grow with the number of tasks. Memory that was never touched costs nothing.
 *
 * Holders start with the memory of an earlier attempt, but its size must not influence the result, such as when a buffer
 * counts as full. A second attempt in the same thread, as in tests, gets memory of its own.
 */
const all: { release(): void }[] = [];

/** Keeps one `M` while no attempt uses it. Create one instance for each kind of memory, when the module loads. */
export class KeptMemory<M> {
  readonly #viewsOf: (memory: M) => readonly NodeJS.TypedArray[];
  #kept: M | undefined;

  /** @param viewsOf  the arrays whose memory release() frees; each owns its whole ArrayBuffer */
  constructor(viewsOf: (memory: M) => readonly NodeJS.TypedArray[]) {
    this.#viewsOf = viewsOf;
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
    const memory = this.take();
    if (memory === undefined) return;
    // transfer() detaches the memory and frees it without waiting for the collector. It is never a SharedArrayBuffer.
    for (const view of this.#viewsOf(memory)) (view.buffer as ArrayBuffer).transfer(0);
  }
}

/** Frees everything that this thread keeps. Called when the thread starts work that needs the memory for something else. */
export function releaseThreadMemory(): void {
  for (const memory of all) memory.release();
}
