/** Notices that a worker which answers a question shows no sign of life any more. Attempts have their own watch. */

const LOOK_INTERVAL_MS = 100;

/** Calls back once, when `signsOfLife` has not changed for `timeoutMs`. The answer ends the watch. */
export function watchStall(signsOfLife: () => number, timeoutMs: number, onStall: () => void): () => void {
  let last = signsOfLife();
  let quietMs = 0;
  let lookedMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    // When the whole process stood still (a debugger, SIGSTOP), the worker is not to blame.
    quietMs += Math.min(nowMs - lookedMs, 3 * LOOK_INTERVAL_MS);
    lookedMs = nowMs;
    const signs = signsOfLife();
    if (signs !== last) quietMs = 0;
    last = signs;
    if (quietMs < timeoutMs) return;
    clearInterval(timer);
    onStall();
  }, LOOK_INTERVAL_MS);
  return () => clearInterval(timer);
}
