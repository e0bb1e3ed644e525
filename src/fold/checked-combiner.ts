/** The user's combiner, with what it throws and returns checked. */
import type { PairwiseCombiner } from '../api/job.ts';
import { userCodeError } from '../api/user-code.ts';
import { isMapReduceError, MapReduceError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import { describeReturned, refusePromise } from '../base/user-returns.ts';
import type { ByteSink, Codec } from '../codec/codec.ts';
import { isStringCodec } from '../codec/string-codec.ts';

/**
 * What can be told at once is refused at once: the next call would be given it. The codec finds the rest, in
 * encodeFolded().
 */
export function checkedCombiner(
  combine: PairwiseCombiner<unknown>,
  codec: Codec<unknown>,
  progress: Pick<Progress, 'steps'>,
): PairwiseCombiner<unknown> {
  const isText = isStringCodec(codec);
  return (accumulated, value) => {
    progress.steps++;
    let folded: unknown;
    try {
      folded = combine(accumulated, value);
    } catch (error) {
      throw userCodeError('combine', error);
    }
    if (isText ? typeof folded !== 'string' : folded === undefined) {
      refusePromise('combine', folded);
      throw new MapReduceError(
        'UnencodableValueError',
        `combine() returned ${describeReturned(folded)}; the job's value is of type ${codec.name}. Return the folded value, also where the function changes its first argument`,
        { details: { phase: 'combine' } },
      );
    }
    if (typeof folded === 'object') refusePromise('combine', folded);
    return folded;
  };
}

/** Encodes what a combiner returned; an error says where the value came from. */
export function encodeFolded(codec: Codec<unknown>, value: unknown, sink: ByteSink): void {
  try {
    codec.encode(value, sink);
  } catch (error) {
    if (!isMapReduceError(error, 'UnencodableValueError')) throw error;
    throw new MapReduceError(
      error.name,
      `combine() returned what cannot be a value of the job: ${error.message}`,
      {
        details: { phase: 'combine', ...error.details },
        cause: error.cause,
      },
    );
  }
}
