/** What goes wrong with invocations: at random, or for the next invocations of a function. */

/** Decided once per invocation. */
export type InvocationFault =
  /** 429, although there is room. */
  | 'throttled-start'
  /** Two environments run the same event at the same time. */
  | 'twice'
  /** The caller gets an error of the service at once, and the function runs on. */
  | 'lost-answer'
  /** The function gets no answer to its next storage call, until its time limit. */
  | 'hangs';

/** Decided at each storage call, or each time that the function reads the clock. */
export type DeathFault = 'dies-before-call' | 'dies-after-call' | 'dies-at-clock-read';

export type LambdaFault = InvocationFault | DeathFault;

const DEATHS: readonly LambdaFault[] = ['dies-before-call', 'dies-after-call', 'dies-at-clock-read'];

/** A death that was asked for: at which call, or at which clock read, counted from 1 within the invocation. */
export interface PlannedDeath {
  readonly kind: DeathFault;
  readonly at: number;
}

export interface LambdaFaultOptions {
  readonly random: () => number;
  readonly rates?: Readonly<Partial<Record<LambdaFault, number>>>;
}

export class LambdaFaults {
  readonly #random: () => number;
  readonly #rates: Readonly<Partial<Record<LambdaFault, number>>>;
  readonly #next = new Map<string, { fault: LambdaFault; at: number }[]>();
  /** How often each fault happened. */
  readonly fired: Partial<Record<LambdaFault, number>> = {};

  constructor({ random, rates = {} }: LambdaFaultOptions) {
    this.#random = random;
    this.#rates = rates;
  }

  /**
   * The next invocation of the function has this fault; several calls are for several invocations.
   *
   * @param at  for a death: at which storage call or clock read of the invocation, counted from 1
   */
  on(functionName: string, fault: LambdaFault, at = 1): this {
    this.#next.set(functionName, [...(this.#next.get(functionName) ?? []), { fault, at }]);
    return this;
  }

  /** Faults of on() that have not happened yet. */
  get left(): number {
    return this.#next.values().reduce((sum, faults) => sum + faults.length, 0);
  }

  /** The faults of an invocation that begins now. */
  take(functionName: string): { fault?: InvocationFault; death?: PlannedDeath } {
    const next = this.#next.get(functionName)?.shift();
    if (next !== undefined && isDeath(next.fault)) return { death: { kind: next.fault, at: next.at } };
    const fault = next?.fault ?? this.#atRandom();
    // The cast: deaths have returned above, and #atRandom() returns none.
    return fault === undefined ? {} : { fault: this.#note(fault) as InvocationFault };
  }

  /** Whether the function dies now of its own. */
  dies(kind: DeathFault): boolean {
    const rate = this.#rates[kind] ?? 0;
    return rate > 0 && this.#random() < rate;
  }

  died(kind: DeathFault): void {
    this.#note(kind);
  }

  #note(fault: LambdaFault): LambdaFault {
    this.fired[fault] = (this.fired[fault] ?? 0) + 1;
    return fault;
  }

  #atRandom(): LambdaFault | undefined {
    // The cast: Object.entries() forgets the names.
    for (const [fault, rate] of Object.entries(this.#rates) as [LambdaFault, number][]) {
      if (!isDeath(fault) && rate > 0 && this.#random() < rate) return fault;
    }
    return undefined;
  }
}

function isDeath(fault: LambdaFault): fault is DeathFault {
  return DEATHS.includes(fault);
}
