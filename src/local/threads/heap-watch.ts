/** Notices, from outside, that a running worker's JavaScript heap is far over its bound. See worker-heap.ts. */

const LOOK_INTERVAL_MS = 100;

/**
 * Calls back once if the heap grows over `limitBytes`. The answer ends the watch. A worker may take long to say how large its heap is
 * (it is asked in between two turns of a loop): nobody waits for it.
 */
export function watchHeap(
  heapBytes: () => Promise<number | undefined>,
  limitBytes: number,
  onTooMuch: () => void,
): () => void {
  let isOver = false;
  let isAsking = false;
  const look = async () => {
    if (isAsking) return;
    isAsking = true;
    const bytes = await heapBytes();
    isAsking = false;
    if (isOver || bytes === undefined || bytes <= limitBytes) return;
    end();
    onTooMuch();
  };
  const timer = setInterval(() => void look(), LOOK_INTERVAL_MS);
  const end = () => {
    isOver = true;
    clearInterval(timer);
  };
  return end;
}
