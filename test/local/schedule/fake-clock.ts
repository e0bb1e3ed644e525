import type { Clock } from '../../../src/base/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that advances only when the test advances it. Timers fire in order; promises settle in between. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, order: this.#order++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(); next !== undefined && next.dueMs <= endMs; next = this.#next()) {
      this.#fire(next);
      await settle();
    }
    this.#nowMs = endMs;
  }

  /** Advances until the promise has settled. Fails the test if that takes longer than `atMostMs` on this clock. */
  async until<T>(promise: Promise<T>, atMostMs = 3_600_000): Promise<PromiseSettledResult<T>> {
    let outcome: PromiseSettledResult<T> | undefined;
    promise.then(
      (value) => {
        outcome = { status: 'fulfilled', value };
      },
      (reason: unknown) => {
        outcome = { status: 'rejected', reason };
      },
    );
    const endMs = this.#nowMs + atMostMs;
    await settle();
    while (outcome === undefined) {
      const next = this.#next();
      if (next === undefined) throw new Error('nothing more will happen, and the promise has not settled');
      if (next.dueMs > endMs) throw new Error(`the promise has not settled within ${atMostMs} ms`);
      this.#fire(next);
      await settle();
    }
    return outcome;
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (!next || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order))
        next = timer;
    }
    return next;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    timer.callback();
  }
}

/** Lets all promises settle that can settle now. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 16; turn++) await undefined;
}
