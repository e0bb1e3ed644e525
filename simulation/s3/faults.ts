/** What goes wrong with requests to S3: at random, or for the next requests of an operation. */
import type { S3Operation } from '../../src/storage/s3/s3-errors.ts';

export type S3Fault =
  /** 503, although the rate is not exceeded. */
  | 'slow-down'
  /** 500. */
  | 'internal-error'
  /** 409 to a conditional write. */
  | 'conflict'
  /** The connection breaks before anything happens. */
  | 'lost-request'
  /** The request is executed, and then the connection breaks. */
  | 'lost-answer'
  /** No answer ever comes. The request is not executed. */
  | 'no-answer'
  /** The answer takes a hundred times as long. */
  | 'slow-answer'
  /** The body breaks off. */
  | 'cut-body'
  /** The body stops, and the connection stays open. */
  | 'stalled-body';

const BODY_FAULTS: readonly S3Fault[] = ['cut-body', 'stalled-body'];

export interface S3FaultOptions {
  readonly random: () => number;
  /** The probability of each fault for each request that can have it. */
  readonly rates?: Readonly<Partial<Record<S3Fault, number>>>;
}

export class S3Faults {
  readonly #random: () => number;
  readonly #rates: readonly (readonly [S3Fault, number])[];
  readonly #next = new Map<S3Operation, S3Fault[]>();
  /** How often each fault happened. */
  readonly fired: Partial<Record<S3Fault, number>> = {};

  constructor({ random, rates = {} }: S3FaultOptions) {
    this.#random = random;
    // The cast: Object.entries() forgets the names.
    this.#rates = Object.entries(rates) as [S3Fault, number][];
  }

  /** The next requests of that operation have these faults, in turn. */
  on(operation: S3Operation, ...faults: readonly S3Fault[]): this {
    this.#next.set(operation, [...(this.#next.get(operation) ?? []), ...faults]);
    return this;
  }

  /** Faults of on() that have not happened yet. */
  get left(): number {
    return this.#next.values().reduce((sum, faults) => sum + faults.length, 0);
  }

  take(operation: S3Operation, { isConditional }: { isConditional: boolean }): S3Fault | undefined {
    const fault = this.#next.get(operation)?.shift() ?? this.#atRandom(operation, isConditional);
    if (fault !== undefined) this.fired[fault] = (this.fired[fault] ?? 0) + 1;
    return fault;
  }

  #atRandom(operation: S3Operation, isConditional: boolean): S3Fault | undefined {
    for (const [fault, rate] of this.#rates) {
      if (BODY_FAULTS.includes(fault) && operation !== 'GetObject') continue;
      if (fault === 'conflict' && !isConditional) continue;
      if (rate > 0 && this.#random() < rate) return fault;
    }
    return undefined;
  }
}
