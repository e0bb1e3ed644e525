/**
 * Folds values whose result may grow with their number: sets, lists, concatenated text. A fold from the left would
 * combine each value with everything before it, which takes n * n / 2 bytes of work. This fold combines the values as
 * a balanced tree, which takes n * log2(n). It works like a binary counter: it holds partials of neighbouring values,
 * each at least twice as heavy as the next, and combines two as soon as they weigh about the same.
 *
 *     partials   |--------------------|----------|-----|   |--|  leaf
 *                 heavy, oldest values          ...         the newest, folded from the left
 *
 * Operands keep their order, so the combiner need not be commutative. The weight of a partial is the number of encoded
 * bytes that went into it. A combiner that drops data holds less than that. Besides the oldest partial, the fold holds
 * at most LIMITS.foldPartialsBytesMax.
 */
import type { PairwiseCombiner } from '../api/job.ts';
import { LIMITS } from '../base/limits.ts';
import type { ByteSink, Codec } from '../codec/codec.ts';
import { encodeFolded } from './checked-combiner.ts';
import type { ValueFold } from './fold.ts';

export class GrowingFold implements ValueFold {
  readonly #codec: Codec<unknown>;
  readonly #combine: PairwiseCombiner<unknown>;
  readonly #partials: unknown[] = [];
  readonly #weights: number[] = [];
  #leaf: unknown;
  #leafBytes = 0;
  /** The weight of all partials except the oldest. */
  #pendingBytes = 0;

  /** @param combine  a combiner that checks its results (checked-combiner.ts) */
  constructor(codec: Codec<unknown>, combine: PairwiseCombiner<unknown>) {
    this.#codec = codec;
    this.#combine = combine;
  }

  start(bytes: Buffer, from: number, to: number): void {
    this.#partials.length = 0;
    this.#weights.length = 0;
    this.#pendingBytes = 0;
    this.#leaf = this.#codec.decode(bytes, from, to);
    this.#leafBytes = to - from;
  }

  add(bytes: Buffer, from: number, to: number): void {
    const value = this.#codec.decode(bytes, from, to);
    if (this.#leafBytes >= LIMITS.foldLeafBytes) {
      this.#closeLeaf();
      this.#leaf = value;
      this.#leafBytes = to - from;
    } else {
      this.#leaf = this.#combine(this.#leaf, value);
      this.#leafBytes += to - from;
    }
  }

  writeTo(sink: ByteSink): void {
    encodeFolded(this.#codec, this.value, sink);
  }

  /** Folds all partials into one. More values may be added to it. */
  get value(): unknown {
    const partials = this.#partials;
    while (partials.length > 0) {
      this.#leaf = this.#combine(partials.pop(), this.#leaf);
      this.#leafBytes += this.#weights.pop()!;
    }
    this.#pendingBytes = 0;
    return this.#leaf;
  }

  #closeLeaf(): void {
    const partials = this.#partials;
    const weights = this.#weights;
    let value = this.#leaf;
    let weight = this.#leafBytes;
    while (
      weights.length > 0 &&
      (weights.at(-1)! < 2 * weight || this.#pendingBytes + weight > LIMITS.foldPartialsBytesMax)
    ) {
      value = this.#combine(partials.pop(), value);
      const older = weights.pop()!;
      if (weights.length > 0) this.#pendingBytes -= older;
      weight += older;
    }
    if (weights.length > 0) this.#pendingBytes += weight;
    partials.push(value);
    weights.push(weight);
  }
}
