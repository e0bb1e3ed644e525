/**
 * Folds the encoded values of one key into one value. The job's combiner is pairwise: `(accumulated, value) =>
 * accumulated`. Values of a fixed size are folded from the left, so the fold holds one value at a time. Values that may
 * grow are folded as a balanced tree (growing-fold.ts).
 */
import type { JobShuffle, NamedCombiner, PairwiseCombiner } from '../api/job.ts';
import { userCodeError } from '../api/user-code.ts';
import { MapReduceError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import { describeReturned, refusePromise } from '../base/user-returns.ts';
import type { ByteSink, Codec } from '../codec/codec.ts';
import {
  decodeNumberValue,
  encodeNumberValue,
  isNumberValueCodec,
  NUMBER_VALUE_BYTES_MAX,
} from '../codec/number-value.ts';
import { isNumberTuple } from '../codec/tuple-value.ts';
import { checkedCombiner, encodeFolded } from './checked-combiner.ts';
import type { ValueFold } from './fold.ts';
import { GrowingFold } from './growing-fold.ts';

/** Returns undefined if the job has no combiner. Each call of a user's combiner is a step of `progress`. */
export function createFold(shuffle: JobShuffle, progress: Pick<Progress, 'steps'>): ValueFold | undefined {
  const combine = shuffle.combine;
  if (combine === undefined) return undefined;
  const combiner = pairwise(combine);
  if (isNumberValueCodec(shuffle.value)) {
    // The cast: values of this codec are numbers.
    return new NumberFold(
      (typeof combine === 'string' ? combiner : stepping(combiner, progress)) as PairwiseCombiner<number>,
    );
  }
  const checked = checkedCombiner(
    typeof combine === 'string' ? byParts(combiner) : combiner,
    shuffle.value,
    progress,
  );
  return isNumberTuple(shuffle.value)
    ? new LeftFold(shuffle.value, checked)
    : new GrowingFold(shuffle.value, checked);
}

/** The cast: defineJob() verified that the values are of the type that the combiner takes. */
export function pairwise(combine: NamedCombiner | PairwiseCombiner<unknown>): PairwiseCombiner<unknown> {
  return (typeof combine === 'string' ? NAMED[combine] : combine) as PairwiseCombiner<unknown>;
}

const NAMED: Record<NamedCombiner, PairwiseCombiner<number>> = {
  sum: (accumulated, value) => accumulated + value,
  min: (accumulated, value) => Math.min(accumulated, value),
  max: (accumulated, value) => Math.max(accumulated, value),
};

/** Folds tuples element by element. The casts: named combiners take only numbers and tuples of numbers. */
function byParts(combiner: PairwiseCombiner<unknown>): PairwiseCombiner<unknown> {
  return (accumulated, value) =>
    (accumulated as number[]).map((part, i) => combiner(part, (value as number[])[i]));
}

function stepping(
  combine: PairwiseCombiner<unknown>,
  progress: Pick<Progress, 'steps'>,
): PairwiseCombiner<unknown> {
  return (accumulated, value) => {
    progress.steps++;
    return combine(accumulated, value);
  };
}

class NumberFold implements ValueFold {
  readonly keepsSingle = true;
  value = 0;
  readonly #combine: PairwiseCombiner<number>;

  constructor(combine: PairwiseCombiner<number>) {
    this.#combine = combine;
  }

  start(bytes: Buffer, from: number, to: number): void {
    this.value = decodeNumberValue(bytes, from, to);
  }

  add(bytes: Buffer, from: number, to: number): void {
    this.value = combineNumbers(this.#combine, this.value, decodeNumberValue(bytes, from, to));
  }

  writeTo(sink: ByteSink): void {
    sink.reserve(NUMBER_VALUE_BYTES_MAX);
    sink.end = encodeNumberValue(this.value, sink.bytes, sink.end);
  }
}

class LeftFold implements ValueFold {
  value: unknown;
  readonly #codec: Codec<unknown>;
  readonly #combine: PairwiseCombiner<unknown>;

  constructor(codec: Codec<unknown>, combine: PairwiseCombiner<unknown>) {
    this.#codec = codec;
    this.#combine = combine;
  }

  start(bytes: Buffer, from: number, to: number): void {
    this.value = this.#codec.decode(bytes, from, to);
  }

  add(bytes: Buffer, from: number, to: number): void {
    this.value = this.#combine(this.value, this.#codec.decode(bytes, from, to));
  }

  writeTo(sink: ByteSink): void {
    encodeFolded(this.#codec, this.value, sink);
  }
}

/** Calls a user's combiner on numbers. A result that is not a number is an error, and not a NaN in the result. */
export function combineNumbers(
  combine: PairwiseCombiner<number>,
  accumulated: number,
  value: number,
): number {
  let folded: number;
  try {
    folded = combine(accumulated, value);
  } catch (error) {
    throw userCodeError('combine', error);
  }
  if (typeof folded !== 'number') {
    refusePromise('combine', folded);
    throw new MapReduceError(
      'UnencodableValueError',
      `combine() returned ${describeReturned(folded)}; the job's value is a number. Return the combined number`,
      { details: { phase: 'combine' } },
    );
  }
  return folded;
}
