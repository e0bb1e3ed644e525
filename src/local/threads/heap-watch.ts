/** Notices, from the coordinator's thread, that a worker's JavaScript heap is far over its bound. See worker-heap.ts. */

const CHECK_INTERVAL_MS = 100;

/**
 * Calls back once if the heap grows over `limitBytes`. A busy worker may take long to report the size of its heap, because
 * it can do so only when it interrupts a computation. Nothing waits for that.
 *
 * @returns a function that ends the watch
 */
export function watchHeap(
  heapBytes: () => Promise<number | undefined>,
  limitBytes: number,
  onTooMuch: () => void,
): () => void {
  let hasEnded = false;
  let isAsking = false;
  const check = async () => {
    if (isAsking) return;
    isAsking = true;
    const bytes = await heapBytes();
    isAsking = false;
    if (hasEnded || bytes === undefined || bytes <= limitBytes) return;
    end();
    onTooMuch();
  };
  const timer = setInterval(() => void check(), CHECK_INTERVAL_MS);
  const end = () => {
    hasEnded = true;
    clearInterval(timer);
  };
  return end;
}
