/** Decides whether and when a state runs again after an error. */

import type { Catcher, Retrier } from './definition.ts';
import { matchesError } from './errors.ts';

/** Defaults of the Amazon States Language. */
const INTERVAL_SECONDS = 1;
const MAX_ATTEMPTS = 3;
const BACKOFF_RATE = 2;

/** The retries of one state since it was entered. Each retrier counts its own attempts. */
export class Retries {
  readonly #retriers: readonly Retrier[];
  readonly #used = new Map<Retrier, number>();
  #count = 0;

  constructor(retriers: readonly Retrier[] = []) {
    this.#retriers = retriers;
  }

  /** `$$.State.RetryCount`. */
  get count(): number {
    return this.#count;
  }

  /** @returns the delay before the next attempt, or undefined if there is none */
  next(error: string, random: () => number): number | undefined {
    const retrier = this.#retriers.find(({ ErrorEquals }) =>
      ErrorEquals.some((name) => matchesError(name, error)),
    );
    if (retrier === undefined) return undefined;
    const used = this.#used.get(retrier) ?? 0;
    if (used >= (retrier.MaxAttempts ?? MAX_ATTEMPTS)) return undefined;
    this.#used.set(retrier, used + 1);
    this.#count += 1;
    const { IntervalSeconds = INTERVAL_SECONDS, BackoffRate = BACKOFF_RATE } = retrier;
    const { MaxDelaySeconds = Number.POSITIVE_INFINITY, JitterStrategy } = retrier;
    const delayMs = Math.min(MaxDelaySeconds, IntervalSeconds * BackoffRate ** used) * 1_000;
    return JitterStrategy === 'FULL' ? delayMs * random() : delayMs;
  }
}

export function catcherOf(catchers: readonly Catcher[] = [], error: string): Catcher | undefined {
  return catchers.find(({ ErrorEquals }) => ErrorEquals.some((name) => matchesError(name, error)));
}
