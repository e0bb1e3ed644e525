/**
 * The large buffer of a thread. One attempt runs in a thread at a time, so one arena serves them all: allocating a
 * new one for each would leave the old ones to the garbage collector, which sees no hurry. Memory that was never
 * touched costs nothing.
 */
let arena: Buffer | undefined;
let taken = false;

/** A buffer of at least `sizeBytes`, its content undefined. Give it back by releaseArena(). */
export function takeArena(sizeBytes: number): Buffer {
  if (taken) return Buffer.allocUnsafeSlow(sizeBytes); // a second attempt in this thread, as in tests
  if (arena === undefined || arena.length < sizeBytes) {
    arena = undefined;
    arena = Buffer.allocUnsafeSlow(sizeBytes);
  }
  taken = true;
  return arena;
}

export function releaseArena(buffer: Buffer): void {
  if (buffer === arena) taken = false;
}
