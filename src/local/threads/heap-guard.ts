/** Enforces the bound of the JavaScript heap. It runs in the worker, between chunks. See worker-heap.ts. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MapReduceError } from '../../base/errors.ts';

/** One check costs about two microseconds. */
const CHECK_INTERVAL_MS = 20;
/** Garbage is collected again when the heap has grown by this fraction of the bound, not at every check. */
const GROWTH_FRACTION = 0.25;

export class HeapGuard {
  readonly #boundBytes: number;
  readonly #usedBytes: () => number;
  readonly #collect: () => void;
  #nextCheckMs = 0;
  #collectAtBytes: number;

  constructor(
    boundBytes: number,
    {
      usedBytes = () => getHeapStatistics().used_heap_size,
      collect = collectGarbage,
    }: { usedBytes?: () => number; collect?: () => void } = {},
  ) {
    this.#boundBytes = boundBytes;
    this.#collectAtBytes = boundBytes;
    this.#usedBytes = usedBytes;
    this.#collect = collect;
  }

  /** Called between chunks. Throws WorkerOutOfMemoryError if the heap exceeds its bound after garbage collection. */
  check(nowMs: number): void {
    if (nowMs < this.#nextCheckMs) return;
    this.#nextCheckMs = nowMs + CHECK_INTERVAL_MS;
    if (this.#usedBytes() <= this.#collectAtBytes) return;
    this.#collect();
    const keptBytes = this.#usedBytes();
    if (keptBytes > this.#boundBytes) {
      throw new MapReduceError(
        'WorkerOutOfMemoryError',
        `the JavaScript heap still holds ${keptBytes} bytes after garbage collection`,
      );
    }
    this.#collectAtBytes = Math.max(this.#boundBytes, keptBytes + this.#boundBytes * GROWTH_FRACTION);
  }
}

let gc: (() => void) | undefined;

function collectGarbage(): void {
  if (gc === undefined) {
    // The only way to get gc() if Node was started without --expose-gc.
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc');
  }
  gc?.();
}
