import type { Clock } from '../../src/base/clock.ts';

/** The clock of an execution environment, which calls back only while the environment runs. */
export class EnvironmentClock implements Clock {
  readonly #inner: Clock;
  readonly #onRead: () => void;
  #state: 'running' | 'frozen' | 'dead' = 'running';
  #held: (() => void)[] = [];

  /** @param onRead  called each time the environment looks at the clock */
  constructor(inner: Clock, onRead: () => void) {
    this.#inner = inner;
    this.#onRead = onRead;
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen';
  }

  nowMs(): number {
    if (this.#state === 'running') this.#onRead();
    return this.#inner.nowMs();
  }

  after(delayMs: number, callback: () => void): () => void {
    let isCancelled = false;
    const call = () => {
      if (isCancelled || this.#state === 'dead') return;
      if (this.#state === 'frozen') this.#held.push(call);
      else callback();
    };
    const cancel = this.#inner.after(delayMs, call);
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen';
  }

  /** Calls back what became due in the meantime. */
  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    const held = this.#held;
    this.#held = [];
    for (const call of held) call();
  }

  /** Resolves at once while the environment runs, otherwise when it thaws. */
  async running(): Promise<void> {
    if (this.#state === 'running') return;
    await new Promise<void>((resolve) => this.#held.push(resolve));
  }

  kill(): void {
    this.#state = 'dead';
    this.#held = [];
  }
}
