/** Notices that a worker makes no progress while it answers a question. Attempts have their own watch. */

const CHECK_INTERVAL_MS = 100;

/**
 * Calls back once, when `signsOfLife` has not changed for `timeoutMs`.
 *
 * @returns a function that ends the watch
 */
export function watchStall(signsOfLife: () => number, timeoutMs: number, onStall: () => void): () => void {
  let last = signsOfLife();
  let quietMs = 0;
  let checkedMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    // If the whole process was suspended (a debugger, SIGSTOP), the worker has not stalled.
    quietMs += Math.min(nowMs - checkedMs, 3 * CHECK_INTERVAL_MS);
    checkedMs = nowMs;
    const signs = signsOfLife();
    if (signs !== last) quietMs = 0;
    last = signs;
    if (quietMs < timeoutMs) return;
    clearInterval(timer);
    onStall();
  }, CHECK_INTERVAL_MS);
  return () => clearInterval(timer);
}
