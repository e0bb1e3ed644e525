/**
 * A clock that jumps from one timer to the next, for simulations of many processes. Unlike FakeClock it keeps timers in a
 * heap, and runs everything due within one millisecond before it lets promises and streams settle. It waits for real
 * work, such as the removal of a folder, before it jumps: real-work.ts.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../src/base/clock.ts';
import { hasRealWork } from './real-work.ts';

/** So many cancelled timers are not worth removing. */
const CANCELLED_KEPT = 1_000;

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  /** Undefined once cancelled. */
  callback: (() => void) | undefined;
}

export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #isRunning = false;
  #heap: Timer[] = [];
  /** How many cancelled timers the heap has. Most timers are timeouts, which are cancelled. */
  #cancelled = 0;
  readonly #turns: number;

  /** @param turns  turns of the event loop to wait for everything that needs no timer; the SDK needs several */
  constructor({ turns = 1 }: { turns?: number } = {}) {
    this.#turns = turns;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { dueMs: this.#nowMs + delayMs, order: this.#order++, callback };
    this.#push(timer);
    return () => {
      if (timer.callback === undefined) return;
      timer.callback = undefined;
      this.#cancelled += 1;
      if (this.#cancelled > CANCELLED_KEPT && this.#cancelled > this.#heap.length / 2)
        this.#removeCancelled();
    };
  }

  /** Resolves after this much time on this clock. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }

  /**
   * Runs timers until the promise has settled. Fails if that takes more than `atMostMs` on this clock, or if the clock is
   * running already: each of the two would wait for the other.
   */
  async run<T>(promise: Promise<T>, atMostMs = 3_600_000): Promise<T> {
    if (this.#isRunning) throw new Error('the clock is running already; run one promise at a time');
    this.#isRunning = true;
    try {
      return await this.#run(promise, atMostMs);
    } finally {
      this.#isRunning = false;
    }
  }

  async #run<T>(promise: Promise<T>, atMostMs: number): Promise<T> {
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    const endMs = this.#nowMs + atMostMs;
    for (await this.#settle(); !settled; await this.#settle()) {
      if (this.#heap.length === 0)
        throw new Error('nothing more will happen, and the promise has not settled');
      if (this.#heap[0]!.dueMs > endMs) throw new Error(`the promise has not settled within ${atMostMs} ms`);
      this.#runOneMillisecond();
    }
    return await promise;
  }

  /** Lets everything settle, and runs the timers of the next millisecond that has any. Returns false if there are none. */
  async step(): Promise<boolean> {
    await this.#settle();
    if (this.#heap.length === 0) return false;
    this.#runOneMillisecond();
    return true;
  }

  /** The number of pending timers, without cancelled ones. */
  get timers(): number {
    return this.#heap.filter(({ callback }) => callback !== undefined).length;
  }

  async #settle(): Promise<void> {
    for (let turn = 0; turn < this.#turns; turn++) await nextTurn();
    while (hasRealWork()) await nextTurn();
  }

  #runOneMillisecond(): void {
    const untilMs = Math.floor(this.#heap[0]!.dueMs) + 1;
    while (this.#heap.length > 0 && this.#heap[0]!.dueMs < untilMs) {
      const timer = this.#pop();
      const { dueMs, callback } = timer;
      if (callback === undefined) {
        this.#cancelled -= 1;
        continue;
      }
      timer.callback = undefined;
      this.#nowMs = Math.max(this.#nowMs, dueMs);
      callback();
    }
  }

  /** A sorted array is a heap. */
  #removeCancelled(): void {
    this.#heap = this.#heap
      .filter(({ callback }) => callback !== undefined)
      .sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(timer, heap[parent]!); parent = (at - 1) >> 1) {
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): Timer {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs === b.dueMs ? a.order < b.order : a.dueMs < b.dueMs;
}
