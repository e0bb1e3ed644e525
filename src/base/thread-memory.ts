/**
 * Large memory that a thread keeps between attempts. One attempt runs in a thread at a time, so the same memory serves
 * them all: allocating it anew for each would leave the old to the garbage collector, which is slow to free what lies
 * outside its heap, and the process would grow with the number of tasks. Memory that was never touched costs nothing.
 *
 * Holders start with what an earlier attempt left, but never let it decide anything: how much there is says nothing
 * about when a buffer is full. A second attempt in the same thread, as in tests, gets memory of its own.
 */
const all: { release(): void }[] = [];

/** Keeps one `M` while nobody has it. Create one for each kind of memory, when the module loads. */
export class KeptMemory<M> {
  readonly #viewsOf: (memory: M) => readonly NodeJS.TypedArray[];
  #kept: M | undefined;

  /** @param viewsOf  the arrays whose memory release() frees; each owns its whole ArrayBuffer */
  constructor(viewsOf: (memory: M) => readonly NodeJS.TypedArray[]) {
    this.#viewsOf = viewsOf;
    all.push(this);
  }

  /** What was kept, its content undefined; undefined when there is none. Give it back by keep(). */
  take(): M | undefined {
    const memory = this.#kept;
    this.#kept = undefined;
    return memory;
  }

  keep(memory: M): void {
    this.#kept = memory;
  }

  /** Frees what is kept, at once. */
  release(): void {
    const memory = this.take();
    if (memory === undefined) return;
    // transfer() detaches the memory and frees it without waiting for the collector.
    for (const view of this.#viewsOf(memory)) (view.buffer as ArrayBuffer).transfer(0);
  }
}

/** Frees everything that this thread keeps: called when it starts work that needs its memory otherwise. */
export function releaseThreadMemory(): void {
  for (const memory of all) memory.release();
}
