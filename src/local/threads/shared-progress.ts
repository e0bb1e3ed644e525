/**
 * The memory that a worker and the coordinator share while an attempt runs. It holds the progress of the attempt, whether
 * the attempt has begun, and whether it should stop. A worker that computes without a pause cannot exchange messages, but it
 * can read and write shared memory. A write costs about a nanosecond.
 *
 *     byte 0                                        64       68       72       76     80
 *          +------+------+------+------+------+------+--------+--------+--------+------+
 *          |           eight 64-bit floats           | begun  | stop   | checks |      |
 *          |  the fields of Progress, in that order  |         32-bit integers         |
 *          +------+------+------+------+------+------+--------+--------+--------+------+
 *
 * `begun` and `stop` hold the run number of an attempt (1, 2, ... for one worker), so they need no reset between attempts.
 * `checks` counts how often an attempt checked for cancellation. It shows that the attempt is alive during a long merge,
 * which changes no other number. The floats are written without atomics: aligned 64-bit writes are not split on the
 * machines that Node runs on, and it does no harm if the coordinator reads a value late.
 */
import { MapReduceError } from '../../base/errors.ts';
import type { AttemptControl, Progress } from '../../base/progress.ts';

const FLOATS = 8;
const BEGUN = (FLOATS * 8) / 4;
const STOP = BEGUN + 1;
const CHECKS = STOP + 1;
const SHARED_BYTES = 80;

export function newSharedBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(SHARED_BYTES);
}

/** Access to the numbers. The worker writes them; the coordinator only reads them. */
export class SharedProgress implements Progress {
  readonly #numbers: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#numbers = new Float64Array(buffer, 0, FLOATS);
  }

  reset(): void {
    this.#numbers.fill(0);
  }

  get recordsRead(): number {
    return this.#numbers[0]!;
  }
  set recordsRead(value: number) {
    this.#numbers[0] = value;
  }
  get bytesRead(): number {
    return this.#numbers[1]!;
  }
  set bytesRead(value: number) {
    this.#numbers[1] = value;
  }
  get recordsWritten(): number {
    return this.#numbers[2]!;
  }
  set recordsWritten(value: number) {
    this.#numbers[2] = value;
  }
  get bytesSpilled(): number {
    return this.#numbers[3]!;
  }
  set bytesSpilled(value: number) {
    this.#numbers[3] = value;
  }
  get spills(): number {
    return this.#numbers[4]!;
  }
  set spills(value: number) {
    this.#numbers[4] = value;
  }
  get pieceIndex(): number {
    return this.#numbers[5]!;
  }
  set pieceIndex(value: number) {
    this.#numbers[5] = value;
  }
  get chunkOffsetBytes(): number {
    return this.#numbers[6]!;
  }
  set chunkOffsetBytes(value: number) {
    this.#numbers[6] = value;
  }
  get steps(): number {
    return this.#numbers[7]!;
  }
  set steps(value: number) {
    this.#numbers[7] = value;
  }
}

/** The signals between the coordinator and an attempt. */
export class SharedSignals {
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  begin(run: number): void {
    Atomics.store(this.#words, BEGUN, run);
  }

  hasBegun(run: number): boolean {
    return Atomics.load(this.#words, BEGUN) === run;
  }

  askToStop(run: number): void {
    Atomics.store(this.#words, STOP, run);
  }

  isAskedToStop(run: number): boolean {
    return Atomics.load(this.#words, STOP) === run;
  }

  countCheck(): void {
    this.#words[CHECKS]!++;
  }

  get checks(): number {
    return Atomics.load(this.#words, CHECKS);
  }
}

/** Creates the control with which an attempt checks for cancellation. */
export function sharedControl(
  signals: SharedSignals,
  run: number,
  betweenChunks: () => void,
): AttemptControl {
  return {
    check() {
      signals.countCheck();
      betweenChunks();
      if (signals.isAskedToStop(run)) throw new MapReduceError('CancelledError', 'the attempt was cancelled');
    },
  };
}
