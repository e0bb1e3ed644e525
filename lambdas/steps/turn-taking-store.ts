/**
 * A store whose streams let timers and responses have their turn now and then. An attempt that computes on data which was
 * read ahead awaits nothing that is still pending, and would never learn that it was cancelled or overtaken.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ForwardingStore } from '../../src/storage/forwarding-store.ts';
import type { StreamOptions } from '../../src/storage/object-store.ts';

/** A turn costs some microseconds, so it may come often. */
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
