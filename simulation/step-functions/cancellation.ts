/** Ends everything that an execution waits for, when the execution is stopped or has failed. */
import type { Clock } from '../../src/base/clock.ts';

/** Thrown by whatever waits in an execution that was stopped. */
export class Aborted extends Error {
  override readonly name = 'Aborted';
}

/** A tree: aborting a node aborts its descendants. */
export class Cancellation {
  readonly #waiting = new Set<(reason: Aborted) => void>();
  readonly #children = new Set<Cancellation>();
  #isAborted = false;

  get isAborted(): boolean {
    return this.#isAborted;
  }

  child(): Cancellation {
    const child = new Cancellation();
    if (this.#isAborted) child.abort();
    else this.#children.add(child);
    return child;
  }

  /** Forgets a child that has ended. */
  release(child: Cancellation): void {
    this.#children.delete(child);
  }

  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    for (const child of this.#children) child.abort();
    for (const reject of [...this.#waiting]) reject(new Aborted());
  }

  /** Rejects with Aborted if this is aborted first. The result of the promise is then ignored. */
  race<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    return new Promise<T>((resolve, reject) => {
      if (this.#isAborted) return reject(new Aborted());
      this.#waiting.add(reject);
      promise.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /** Resolves after the time, or rejects with Aborted. */
  sleep(clock: Clock, delayMs: number): Promise<void> {
    if (delayMs <= 0 && !this.#isAborted) return Promise.resolve();
    return new Promise<void>((resolve, reject) => {
      if (this.#isAborted) return reject(new Aborted());
      const abort = (reason: Aborted) => {
        cancel();
        reject(reason);
      };
      this.#waiting.add(abort);
      const cancel = clock.after(delayMs, () => {
        this.#waiting.delete(abort);
        resolve();
      });
    });
  }
}
