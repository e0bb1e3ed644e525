/** Holds a worker's JavaScript heap to its bound, from inside and between chunks. See worker-heap.ts. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MapReduceError } from '../../base/errors.ts';

/** Looking costs about two microseconds. */
const LOOK_INTERVAL_MS = 20;
/** Garbage is collected again once the heap has grown by this part of the bound, not at every look. */
const GROWTH_FRACTION = 0.25;

export class HeapGuard {
  readonly #boundBytes: number;
  readonly #usedBytes: () => number;
  readonly #collect: () => void;
  #lookAtMs = 0;
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

  /** Called between chunks. Throws WorkerOutOfMemoryError when more is kept than may be. */
  look(nowMs: number): void {
    if (nowMs < this.#lookAtMs) return;
    this.#lookAtMs = nowMs + LOOK_INTERVAL_MS;
    if (this.#usedBytes() <= this.#collectAtBytes) return;
    this.#collect();
    const keptBytes = this.#usedBytes();
    if (keptBytes > this.#boundBytes) {
      throw new MapReduceError(
        'WorkerOutOfMemoryError',
        `${keptBytes} bytes are kept in the JavaScript heap`,
      );
    }
    this.#collectAtBytes = Math.max(this.#boundBytes, keptBytes + this.#boundBytes * GROWTH_FRACTION);
  }
}

let gc: (() => void) | undefined;

function collectGarbage(): void {
  if (gc === undefined) {
    // The one way to ask V8 for it without having been started with --expose-gc.
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}
