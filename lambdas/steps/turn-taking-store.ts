/**
 * A store whose streams regularly let timers and responses run. An attempt that processes data that was read ahead awaits
 * nothing that is still pending. Without this, it would never notice that it was cancelled or that another attempt committed.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ForwardingStore } from '../../src/storage/forwarding-store.ts';
import type { StreamOptions } from '../../src/storage/object-store.ts';

/** A turn costs a few microseconds, so it can come often. */
const TURN_INTERVAL_MS = 50;

export class TurnTakingStore extends ForwardingStore {
  #lastTurnMs = performance.now();

  override async *stream(key: string, options?: StreamOptions): AsyncGenerator<Buffer, undefined> {
    for await (const chunk of super.stream(key, options)) {
      if (performance.now() - this.#lastTurnMs > TURN_INTERVAL_MS) {
        await nextTurn();
        this.#lastTurnMs = performance.now();
      }
      yield chunk;
    }
  }
}
