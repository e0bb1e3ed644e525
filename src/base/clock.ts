/** Time as the coordinator sees it; tests pass one that they move by hand. */
export interface Clock {
  /** Milliseconds from some fixed point; never goes back. */
  nowMs(): number;
  /** Calls back once, `delayMs` from now. The answer cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
