/** The quotas and delays of Step Functions. src/aws/model/facts.ts has their sources. */
import {
  STEP_FUNCTIONS_FACTS as FACTS,
  isLargeRegion,
  transitionsPerSecond,
} from '../../src/aws/model/facts.ts';
import type { Clock } from '../../src/base/clock.ts';

export interface StepFunctionsQuotas {
  /** Transitions of STANDARD executions; the bucket holds those of one second. */
  readonly transitionsPerSecond: number;
  /** StartExecution, and the bucket for bursts. */
  readonly startsPerSecond: number;
  readonly startsBurst: number;
  /** Further Map Runs wait. */
  readonly openMapRunsMax: number;
  /** Children of one Map Run at once. */
  readonly childrenAtOnceMax: number;
  /** Of one execution. Each child of a Distributed Map has its own history. */
  readonly historyEventsMax: number;
  /** Input or output of a state, a task or an execution. */
  readonly stateBytesMax: number;
  /** Children that all Map Runs start per second. */
  readonly childStartsPerSecond: number;
  readonly inlineAtOnceMax: number;
  /** From the end of a state to the start of the next one. */
  readonly transitionMs: number;
  /** From MapRunStarted to the first child, and from the last child to MapRunSucceeded. */
  readonly mapRunStartMs: number;
  readonly mapRunEndMs: number;
}

export function quotasOf(region: string): StepFunctionsQuotas {
  const isLarge = isLargeRegion(region);
  return {
    transitionsPerSecond: transitionsPerSecond(region),
    startsPerSecond: (isLarge ? FACTS.startsPerSecondLargeRegion : FACTS.startsPerSecondElsewhere).value,
    startsBurst: (isLarge ? FACTS.startsBurstLargeRegion : FACTS.startsBurstElsewhere).value,
    openMapRunsMax: FACTS.openMapRunsMax.value,
    childrenAtOnceMax: FACTS.childrenAtOnceMax.value,
    historyEventsMax: FACTS.historyEventsMax.value,
    stateBytesMax: FACTS.stateBytesMax.value,
    childStartsPerSecond: FACTS.childStartsPerSecond.value,
    inlineAtOnceMax: FACTS.inlineAtOnceMax.value,
    transitionMs: FACTS.transitionMs.value,
    mapRunStartMs: FACTS.mapRunStartSeconds.value * 1_000,
    mapRunEndMs: FACTS.mapRunEndSeconds.value * 1_000,
  };
}

/** A bucket of tokens that refills at a constant rate. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #size: number;
  readonly #perSecond: number;
  #tokens: number;
  #atMs: number;

  constructor(clock: Clock, { size, perSecond }: { size: number; perSecond: number }) {
    this.#clock = clock;
    this.#size = size;
    this.#perSecond = perSecond;
    this.#tokens = size;
    this.#atMs = clock.nowMs();
  }

  /** Takes a token if there is one. */
  take(): boolean {
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes the next token, and returns after how many milliseconds the caller has it. */
  reserve(): number {
    this.#refill();
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond) * 1_000;
  }

  #refill(): void {
    const nowMs = this.#clock.nowMs();
    this.#tokens = Math.min(this.#size, this.#tokens + ((nowMs - this.#atMs) / 1_000) * this.#perSecond);
    this.#atMs = nowMs;
  }
}
