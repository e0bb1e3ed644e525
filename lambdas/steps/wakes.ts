/**
 * Wakes the functions of the later steps while the plan is made, so that Lambda places and starts their environments
 * meanwhile. A wake that fails delays its step, which then starts cold, and does nothing else.
 */
import { WAKE_MS_MAX } from '../../src/aws/protocol/wake.ts';
import type { Clock } from '../../src/base/clock.ts';

export interface Wakes {
  /** ARNs of the versions to wake, in the order of their steps. */
  readonly functions: readonly string[];
  /** Sends the wake event, and waits for the answer. */
  readonly send: SendWake;
  /** Called for each wake that failed. */
  readonly onFailed: (functionArn: string, error: unknown) => void;
}

/** @param signal  ends the wait for the answer; the function starts all the same */
export type SendWake = (functionArn: string, signal: AbortSignal) => Promise<void>;

export interface SentWakes {
  /**
   * Resolves when the function of the next step is awake, or WAKE_MS_MAX after it was called. Until then, its invocation
   * would start another environment. The functions of later steps have more time.
   */
  readonly nextIsAwake: Promise<void>;
  /** Stops waiting for answers: an environment that Lambda freezes must not have requests under way. */
  readonly abandon: () => void;
}

export function sendWakes({ functions, send, onFailed }: Wakes, clock: Clock): SentWakes {
  const controller = new AbortController();
  const { signal } = controller;
  const timeUp = Promise.withResolvers<void>();
  const cancelTimer = clock.after(WAKE_MS_MAX, timeUp.resolve);
  const wake = async (functionArn: string): Promise<void> => {
    try {
      await send(functionArn, signal);
    } catch (error) {
      if (!signal.aborted) onFailed(functionArn, error);
    }
  };
  const [next] = functions.map(wake);
  return {
    nextIsAwake: Promise.race([next, timeUp.promise]),
    abandon: () => {
      cancelTimer();
      controller.abort();
    },
  };
}
