/** Progress lines of something that takes a while: none at first, then at most one per second. */

const INTERVAL_MS = 1_000;

/** @returns a function to call as often as there is news; it calls `say` when a second has passed */
export function eachSecond(say: () => void): () => void {
  let saidMs: number | undefined;
  return () => {
    saidMs ??= performance.now();
    if (performance.now() - saidMs < INTERVAL_MS) return;
    saidMs = performance.now();
    say();
  };
}
