/** Wraps the user's combiner, and checks what it throws and returns. */
import type { PairwiseCombiner } from '../api/job.ts';
import { userCodeError } from '../api/user-code.ts';
import { isMapReduceError, MapReduceError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import { describeReturned, refusePromise } from '../base/user-returns.ts';
import type { ByteSink, Codec } from '../codec/codec.ts';
import { isStringCodec } from '../codec/string-codec.ts';

/**
 * Rejects a wrong result immediately if it can be recognised cheaply, because the next call would receive it. The codec
 * rejects all other wrong results in encodeFolded().
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
        `combine() returned ${describeReturned(folded)}; the job's value is of type ${codec.name}. Return the combined value, even if the function changes its first argument`,
        { details: { phase: 'combine' } },
      );
    }
    if (typeof folded === 'object') refusePromise('combine', folded);
    return folded;
  };
}

/** Encodes the result of a combiner. If that fails, the error says that the value came from combine(). */
export function encodeFolded(codec: Codec<unknown>, value: unknown, sink: ByteSink): void {
  try {
    codec.encode(value, sink);
  } catch (error) {
    if (!isMapReduceError(error, 'UnencodableValueError')) throw error;
    throw new MapReduceError(
      error.name,
      `combine() returned a value that the job cannot encode: ${error.message}`,
      {
        details: { phase: 'combine', ...error.details },
        cause: error.cause,
      },
    );
  }
}
