/** The time that coordinators use. Tests pass a clock that they set by hand. */
export interface Clock {
  /** Milliseconds since some fixed point; never decreases. */
  nowMs(): number;
  /** Calls back once, `delayMs` from now. Returns a function that cancels the call. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
