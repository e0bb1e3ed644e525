/** At most so many requests at once, first come, first served: waiting here does not count as S3 being slow. */
export class RequestGate {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(requestsInFlightMax: number) {
    this.#free = requestsInFlightMax;
  }

  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
