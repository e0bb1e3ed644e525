import type { Clock } from '../../src/base/clock.ts';

/**
 * Puts what happens at one time on the clock in an order that does not depend on real time. Without it, whichever call of
 * the file system ends first decides which environment sends its next request first, and so which random numbers it gets.
 */
export class Turns {
  readonly #clock: Clock;
  #waiting: { readonly key: string; readonly begin: () => void }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves at the same time on the clock when all else has settled: in the order of the keys, then of the calls. */
  next(key: string): Promise<void> {
    if (this.#waiting.length === 0) this.#clock.after(0, () => this.#begin());
    return new Promise((begin) => this.#waiting.push({ key, begin }));
  }

  #begin(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    waiting.sort((a, b) => (a.key === b.key ? 0 : a.key < b.key ? -1 : 1));
    for (const { begin } of waiting) begin();
  }
}
