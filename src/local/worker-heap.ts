import { MiB } from '../limits.ts';

/** What the engine itself, the job's code and V8's bookkeeping need before any record is read. */
const HEAP_BYTES_MIN = 192 * MiB;

/**
 * Bound of a worker's JavaScript heap (V8's old generation), for a budget of `memoryBytes`.
 *
 *     heap bound = max(192 MiB, memoryBytes)
 *
 * The engine's buffers live outside that heap and keep to the budget by themselves; the heap is for the user's code, its strings
 * on their way to `emit`, and what `setup` built. It is a ceiling and not a reservation: jobs that keep
 * nothing stay far below. Crossing it ends the worker, not the process (WorkerOutOfMemoryError).
 */
export function heapBytesMax(memoryBytes: number): number {
  return Math.max(HEAP_BYTES_MIN, memoryBytes);
}
