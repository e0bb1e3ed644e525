/**
 * The network of one execution environment: a burst at a high rate, then a steady rate, whatever its memory. The burst fills
 * up again while the network is idle. All connections share it, first come, first served.
 *
 * Source: arXiv 2501.07771. It is assumed that bytes in both directions use the same burst.
 */
import { LAMBDA_FACTS } from '../../src/aws/model/facts.ts';

export interface NetworkOptions {
  readonly burstBytes: number;
  readonly burstBytesPerSecond: number;
  readonly bytesPerSecond: number;
}

export const NETWORK: NetworkOptions = {
  burstBytes: LAMBDA_FACTS.networkBurstBytes.value,
  burstBytesPerSecond: LAMBDA_FACTS.networkBurstBytesPerSecond.value,
  bytesPerSecond: LAMBDA_FACTS.networkBytesPerSecond.value,
};

export class Network {
  readonly #options: NetworkOptions;
  #burstBytes: number;
  #freeMs = 0;

  constructor(options: NetworkOptions = NETWORK) {
    this.#options = options;
    this.#burstBytes = options.burstBytes;
  }

  /** Queues so many bytes. Returns after how many milliseconds they have passed. */
  transferMs(bytes: number, nowMs: number): number {
    const { burstBytes, burstBytesPerSecond, bytesPerSecond } = this.#options;
    const startMs = Math.max(nowMs, this.#freeMs);
    const idleMs = startMs - this.#freeMs;
    this.#burstBytes = Math.min(burstBytes, this.#burstBytes + (idleMs / 1000) * bytesPerSecond);
    const fast = Math.min(bytes, this.#burstBytes);
    this.#burstBytes -= fast;
    this.#freeMs = startMs + (fast / burstBytesPerSecond + (bytes - fast) / bytesPerSecond) * 1000;
    return this.#freeMs - nowMs;
  }
}
