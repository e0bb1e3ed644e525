/**
 * The limits of a worker's JavaScript heap. It holds the user's code, strings passed to `emit`, what `setup` creates, and
 * what a module keeps. The engine's buffers are outside the heap and have their own memory budget.
 *
 *     what an attempt may keep    bound  = max(192 MiB, memoryBytes)
 *     where V8 ends the worker    ceiling = 4 * bound
 *
 * V8's ceiling is not a safe bound. When a heap reaches it, V8 grants another 16 MiB and ends the worker. But a Map that
 * doubles its table may need more than that at once, and then V8 ends the whole process. So the ceiling is far away, and
 * two modules enforce the bound:
 *
 *   - heap-guard.ts checks in the worker between chunks. It is exact, because it collects garbage before it decides.
 *   - heap-watch.ts checks in the coordinator, several times a second, for code that fills the heap in a single record or
 *     in `setup`. V8 may let garbage grow to halfway between the live data and the ceiling. So only a heap that is more
 *     than halfway between the bound and the ceiling certainly holds more live data than the bound.
 */
import { MiB } from '../../base/limits.ts';

/** Enough for the engine, the job's code and V8 before any record is read. */
const HEAP_BYTES_MIN = 192 * MiB;
const CEILING_FACTOR = 4;

/**
 * The space for new objects. By default V8 lets it grow with time, so long jobs would need more memory than short ones.
 * That would gain nothing here, because objects that map creates for one record are garbage at the next.
 */
export const YOUNG_GENERATION_MB = 24;
/**
 * New workers start with this much of it in each semi-space; V8 divides the young generation into three. From V8's default
 * of 1 MiB, loading the engine and the job alone would take a dozen collections, which cost a small job about 8 ms.
 */
export const SEMI_SPACE_MB = YOUNG_GENERATION_MB / 3;

/** How much an attempt may keep in the JavaScript heap, for a budget of `memoryBytes`. */
export function heapBoundBytes(memoryBytes: number): number {
  return Math.max(HEAP_BYTES_MIN, memoryBytes);
}

export function heapCeilingBytes(boundBytes: number): number {
  return boundBytes * CEILING_FACTOR;
}

export function certainlyTooMuchBytes(boundBytes: number): number {
  return (boundBytes + heapCeilingBytes(boundBytes)) / 2;
}
