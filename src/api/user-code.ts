/** Calling the user's functions: their setup, their counters, their errors. */
import { type Counters, newCounters } from '../base/counters.ts';
import { type ErrorDetails, MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Progress } from '../base/progress.ts';
import { isInstance, thrownFields } from '../base/thrown.ts';
import { refusePromise } from '../base/user-returns.ts';
import type { Job, ParameterValues } from './job.ts';

/** Runs the job's setup, once an attempt. */
export function setUp(job: Job, params: ParameterValues): unknown {
  if (job.setup === undefined) return undefined;
  let state: unknown;
  try {
    state = job.setup(params);
  } catch (error) {
    throw userCodeError('setup', error);
  }
  refusePromise('setup', state);
  return state;
}

/** The `count` of one attempt's context, and what it has counted. Each call is a step of `progress`. */
export function createCounter(progress?: Pick<Progress, 'steps'>): {
  counters: Counters;
  count: (counter: string, amount?: number) => void;
} {
  const counters = newCounters();
  let names = 0;
  const count = (counter: string, amount = 1): void => {
    if (progress !== undefined) progress.steps++;
    if (!Number.isFinite(amount)) {
      throw new MapReduceError(
        'JobDefinitionError',
        `count('${counter}', ${String(amount)}) adds no finite number; received ${typeof amount}. Pass the number to add, or nothing for 1`,
      );
    }
    const before = counters[counter];
    if (before === undefined && ++names > LIMITS.counterNamesMax) {
      throw new MapReduceError(
        'JobDefinitionError',
        `count('${counter}') would be counter number ${names}; a job has at most ${LIMITS.counterNamesMax}. Emit what has many names as keys`,
      );
    }
    const sum = (before ?? 0) + amount;
    if (!Number.isFinite(sum)) {
      throw new MapReduceError(
        'JobDefinitionError',
        `count('${counter}', ${amount}) takes the counter, at ${before}, past ${Number.MAX_VALUE}, the largest number there is. Count in a larger unit, so that the amounts are smaller`,
      );
    }
    counters[counter] = sum;
  };
  return { counters, count };
}

/**
 * What was thrown while one of the user's functions ran, as an error that says so. Errors of the engine pass through:
 * they come from calls that the function made (emit may fail to spill).
 */
export function userCodeError(
  phase: NonNullable<ErrorDetails['phase']>,
  thrown: unknown,
  details: ErrorDetails = {},
): MapReduceError {
  if (isInstance(thrown, MapReduceError)) {
    return new MapReduceError(thrown.name, thrown.message, {
      details: { phase, ...details, ...thrown.details },
      cause: thrown.cause,
    });
  }
  const { name, message, stack: userStack, isError } = thrownFields(thrown);
  return new MapReduceError(
    'UserCodeError',
    `${phase}() threw ${isError ? `${name}: ${message}` : message}`,
    {
      details: { phase, ...(userStack === undefined ? {} : { userStack }), ...details },
      cause: thrown,
    },
  );
}

/**
 * For an emit that a timer or a forgotten promise of the user's calls when its time is over. What it emits would be
 * missing, or lie among the records of another task.
 */
export function refuseLateEmit(phase: 'map' | 'reduce'): never {
  throw new MapReduceError(
    'JobDefinitionError',
    `emit() was called after ${phase}() had ended. ${phase} is synchronous: wait for nothing in it, and leave no timer or promise behind`,
    { details: { phase } },
  );
}
