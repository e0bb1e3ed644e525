/**
 * A timer for network timeouts in a process that also computes. While user code runs, no response is processed: when the
 * timer fires, the response may already have arrived, but comes later in the event loop's turn. So a timer that fires late
 * waits a moment for responses before it calls back, but only a bounded number of times.
 */
import type { Clock } from '../../base/clock.ts';

export function patientTimer(clock: Clock, delayMs: number, callback: () => void): () => void {
  let patience = PATIENCE_TURNS;
  let dueMs = clock.nowMs() + delayMs;
  const fire = () => {
    if (patience > 0 && clock.nowMs() - dueMs > LATE_MS) {
      patience -= 1;
      dueMs = clock.nowMs() + GRACE_MS;
      cancel = clock.after(GRACE_MS, fire);
      return;
    }
    callback();
  };
  let cancel = clock.after(delayMs, fire);
  return () => cancel();
}

const LATE_MS = 20;
const GRACE_MS = 50;
const PATIENCE_TURNS = 5;
