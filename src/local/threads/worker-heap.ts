/**
 * The JavaScript heap of a worker, beside the engine's buffers, which live outside it and keep to the memory budget
 * by themselves: the user's code, its strings on their way to `emit`, what `setup` built, what a module keeps.
 *
 *     what an attempt may keep    bound  = max(192 MiB, memoryBytes)
 *     where V8 ends the worker    ceiling = 4 * bound
 *
 * V8's own ceiling is not a safe bound: it grants a heap that reaches it another 16 MiB and ends the worker, but a Map
 * that has to double its table asks for more at once, and then V8 ends the whole process. So the ceiling is
 * far away, and the bound is held by others:
 *
 *   - heap-guard.ts, in the worker, between chunks: exact, since it collects garbage before it judges;
 *   - heap-watch.ts, in the coordinator, a few times a second: for code that fills the heap in a single record or in
 *     `setup`. V8 lets garbage pile up to half way between what is kept and the ceiling, so only a heap that is over half way
 *     between the bound and the ceiling is certain to hold more than the bound.
 */
import { MiB } from '../../base/limits.ts';

/** What the engine itself, the job's code and V8's bookkeeping need before any record is read. */
const HEAP_BYTES_MIN = 192 * MiB;
const CEILING_FACTOR = 4;

/**
 * For objects that have just been made. V8 lets it grow with time, which would make long jobs larger than short ones,
 * and gains nothing by it here: what map makes of a record is garbage by the next one.
 */
export const YOUNG_GENERATION_MB = 24;

/** What an attempt may keep in the JavaScript heap, for a budget of `memoryBytes`. */
export function heapBoundBytes(memoryBytes: number): number {
  return Math.max(HEAP_BYTES_MIN, memoryBytes);
}

export function heapCeilingBytes(boundBytes: number): number {
  return boundBytes * CEILING_FACTOR;
}

export function certainlyTooMuchBytes(boundBytes: number): number {
  return (boundBytes + heapCeilingBytes(boundBytes)) / 2;
}
