/**
 * A stopwatch that shows where the time of an attempt goes. Exactly one phase runs at any moment, so the phases add up to
 * the whole time:
 *
 *     | other | waiting | reading | user  | sorting | user | reading | ... | writing |
 *                                   spills^^^^^^^^^^^ in the middle of a batch
 *
 * A switch reads the clock once, so the engine switches where a batch or block begins or ends, and never for each record.
 * An await on the attempt's main path may be a phase. Code that runs at the same time as that path may only time what it
 * does synchronously: time() restores the phase before anything else runs.
 */
import type { Clock } from './clock.ts';

export const PHASES = [
  /** Set-up, the index of the shuffle, and what no other phase covers. */
  'other',
  /** For input: from the store, or from the decompression of an input, which runs on another thread. */
  'waiting',
  /** Parsing the input, and decompressing and verifying blocks of the shuffle. */
  'reading',
  /** Map: the batches of records, in map() and emit(). Reduce: merging, grouping and reducing, until the next write. */
  'user',
  /** Sorting emitted records by key, and merging sorted runs. */
  'sorting',
  /** Writing runs to the local disk, and reading them again. */
  'spilling',
  /** Encoding, compressing and storing the output. */
  'writing',
] as const;

export type Phase = (typeof PHASES)[number];

/** For code that nothing times. */
export function untimed(): PhaseClock {
  return new PhaseClock({ nowMs: () => 0 });
}

export class PhaseClock {
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #onSwitch: ((nowMs: number) => void) | undefined;
  readonly #totalsMs = new Map<Phase, number>();
  readonly #startedMs: number;
  #phase: Phase = 'other';
  #sinceMs: number;

  /** @param onSwitch  called with the time of each switch */
  constructor(clock: Pick<Clock, 'nowMs'>, onSwitch?: (nowMs: number) => void) {
    this.#clock = clock;
    this.#onSwitch = onSwitch;
    this.#startedMs = this.#sinceMs = clock.nowMs();
  }

  /** Switches to a phase. Returns the one before, for the caller that restores it. */
  enter(phase: Phase): Phase {
    const before = this.#phase;
    if (phase === before) return before;
    this.#count();
    this.#phase = phase;
    return before;
  }

  /** Counts synchronous work in a phase. */
  time<T>(phase: Phase, work: () => T): T {
    const before = this.enter(phase);
    try {
      return work();
    } finally {
      this.enter(before);
    }
  }

  /** Counts awaited work in a phase. Only for the attempt's main path, see above. */
  async timeAsync<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    const before = this.enter(phase);
    try {
      return await work();
    } finally {
      this.enter(before);
    }
  }

  /** Since the stopwatch was created. The phases sum to `elapsedMs`, apart from the rounding of floating-point numbers. */
  read(): { readonly elapsedMs: number; readonly phasesMs: Readonly<Record<Phase, number>> } {
    this.#count();
    const entries = PHASES.map((phase) => [phase, this.#totalsMs.get(phase) ?? 0]);
    return {
      elapsedMs: this.#sinceMs - this.#startedMs,
      // The cast: Object.fromEntries() forgets the names.
      phasesMs: Object.fromEntries(entries) as Record<Phase, number>,
    };
  }

  #count(): void {
    const nowMs = this.#clock.nowMs();
    this.#totalsMs.set(this.#phase, (this.#totalsMs.get(this.#phase) ?? 0) + nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
    this.#onSwitch?.(nowMs);
  }
}
