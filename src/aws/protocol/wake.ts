/**
 * Wakes: while the plan step works, it invokes the functions of the later steps once each with an event that asks for
 * nothing. Each of them then has an environment when its step begins (docs/decisions/0032-wakes.md).
 */

/** Those that every job needs after its plan, in the order of the steps. A map-only job does not need those of the reduce stage. */
export const WOKEN_FUNCTIONS = ['map', 'map-barrier', 'reduce', 'reduce-barrier', 'commit'] as const;

/** Names the variable of the plan function with the ARNs of their versions, as a JSON list. */
export const WAKES_VARIABLE = 'MAPREDUCE_WAKES';

/** The plan waits at most this long for the first of them: a start takes 0.35 s, and a slow one is not worth a wait. */
export const WAKE_MS_MAX = 1_000;

/** Other events have no such field. */
export const WAKE_EVENT = { wake: true } as const;

export function isWakeEvent(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'wake' in event && event.wake === true;
}
