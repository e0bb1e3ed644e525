/**
 * A timer for waiting on the network in a process that also computes. While user code runs, no answer is looked at:
 * it may be there already when the timer fires, behind it in the event loop's turn. So a timer that fires late gives
 * the answers a moment before it calls; a bounded number of times, lest it never does.
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
