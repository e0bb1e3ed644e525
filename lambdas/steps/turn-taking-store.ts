/**
 * A store whose streams regularly let timers and responses run. An attempt that processes data that was read ahead awaits
 * nothing that is still pending. Without this, it would never notice that it was cancelled or that another attempt committed.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../src/base/clock.ts';
import { ForwardingStore } from '../../src/storage/forwarding-store.ts';
import type { ObjectStore, StreamOptions } from '../../src/storage/object-store.ts';

/** A turn costs a few microseconds, so it can come often. */
const TURN_INTERVAL_MS = 50;

export class TurnTakingStore extends ForwardingStore {
  readonly #clock: Clock;
  #lastTurnMs: number;

  constructor(inner: ObjectStore, clock: Clock) {
    super(inner);
    this.#clock = clock;
    this.#lastTurnMs = clock.nowMs();
  }

  override async *stream(key: string, options?: StreamOptions): AsyncGenerator<Buffer, undefined> {
    for await (const chunk of super.stream(key, options)) {
      if (this.#clock.nowMs() - this.#lastTurnMs > TURN_INTERVAL_MS) {
        await nextTurn();
        this.#lastTurnMs = this.#clock.nowMs();
      }
      yield chunk;
    }
  }
}
