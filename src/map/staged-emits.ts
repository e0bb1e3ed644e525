/**
 * Holds back what map emits and counts for one record until map has returned. A record on which map throws then contributes
 * nothing. Only jobs with `onBadRecord: { thrown: true }` pay for it.
 */
import { refuseLateEmit } from '../api/user-code.ts';
import { copyOfRange, isBytesRange } from '../codec/bytes-range.ts';

type Emit = (key: unknown, value: unknown, to?: number) => void;
type Count = (counter: string, amount?: number) => void;

export class StagedEmits {
  readonly #emit: Emit;
  readonly #count: Count;
  readonly #onStep: () => void;
  #staged: (() => void)[] = [];
  #isOpen = false;

  constructor({ emit, count, onStep }: { emit: Emit; count: Count; onStep: () => void }) {
    this.#emit = emit;
    this.#count = count;
    this.#onStep = onStep;
  }

  /** The job's emit. It copies plain objects, arrays and (ranges of) bytes, which map may change afterwards. */
  readonly emit: Emit = (key, value, to) => {
    if (!this.#isOpen) refuseLateEmit('map');
    this.#onStep();
    const [keyNow, valueNow] = [snapshot(key), snapshot(value)];
    this.#staged.push(() => this.#emit(keyNow, valueNow, to));
  };

  readonly count: Count = (counter, amount) => {
    // The engine counts between records too.
    if (!this.#isOpen) this.#count(counter, amount);
    else this.#staged.push(() => this.#count(counter, amount));
  };

  /** Called before map. */
  open(): void {
    this.#isOpen = true;
  }

  /** Called after map has returned. */
  commit(): void {
    this.#isOpen = false;
    const staged = this.#staged;
    this.#staged = [];
    for (const act of staged) act();
  }

  /** Called after map has thrown. */
  drop(): void {
    this.#isOpen = false;
    this.#staged = [];
  }
}

/** A copy of plain data. Instances of classes are not copied: their codec or format may need their methods. */
function snapshot(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(snapshot);
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (isBytesRange(value)) return copyOfRange(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, snapshot(field)]));
}
