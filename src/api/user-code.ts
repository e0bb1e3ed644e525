/** Calls of the user's functions: setup, counters and errors. */
import { type Counters, newCounters } from '../base/counters.ts';
import { plainDetails } from '../base/error-details.ts';
import { type ErrorDetails, isErrorName, MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Progress } from '../base/progress.ts';
import { preview, typeName } from '../base/show-value.ts';
import { isInstance, readField, thrownFields } from '../base/thrown.ts';
import { refusePromise } from '../base/user-returns.ts';
import type { Job, ParameterValues } from './job.ts';

/** Runs the job's setup; called once per attempt. */
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

/** Creates the `count` function of one attempt's context, and the counters that it adds to. Each call is a step of `progress`. */
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
        `count('${counter}', ${String(amount)}): the amount must be a finite number; received ${typeof amount}. Pass the number to add, or leave it out to add 1`,
      );
    }
    const before = counters[counter];
    if (before === undefined && ++names > LIMITS.counterNamesMax) {
      throw new MapReduceError(
        'JobDefinitionError',
        `count('${counter}') would create counter number ${names}; a job may have at most ${LIMITS.counterNamesMax}. Emit keys instead to count things with many names`,
      );
    }
    const sum = (before ?? 0) + amount;
    if (!Number.isFinite(sum)) {
      throw new MapReduceError(
        'JobDefinitionError',
        `count('${counter}', ${amount}) would raise the counter, now at ${before}, above ${Number.MAX_VALUE}, the largest number. Count in a larger unit, so that the amounts are smaller`,
      );
    }
    counters[counter] = sum;
  };
  return { counters, count };
}

/**
 * Converts what was thrown while one of the user's functions ran to an error that names the function. Errors of the engine
 * keep their name: they come from calls that the function made (emit may fail to spill).
 *
 * @param what  the function, for the message
 */
export function userCodeError(
  phase: NonNullable<ErrorDetails['phase']>,
  thrown: unknown,
  details: ErrorDetails = {},
  what = `${phase}()`,
): MapReduceError {
  const { name, message, stack: userStack, cause, isError } = thrownFields(thrown);
  if (isInstance(thrown, MapReduceError) && isErrorName(name)) {
    return new MapReduceError(name, message, {
      details: { phase, ...details, ...plainDetails(readField(thrown, 'details')) },
      cause,
    });
  }
  return new MapReduceError('UserCodeError', `${what} threw ${isError ? `${name}: ${message}` : message}`, {
    details: { phase, ...(userStack === undefined ? {} : { userStack }), ...details },
    cause: thrown,
  });
}

/**
 * Refuses an emit that comes too late, from a timer or a promise that the user's function left behind. The record would be
 * lost, or end up among the records of another task.
 */
export function refuseLateEmit(phase: 'map' | 'reduce'): never {
  throw new MapReduceError(
    'JobDefinitionError',
    `emit() was called after ${phase}() had returned. ${phase} is synchronous: call emit() before it returns, not from a timer or a promise`,
    { details: { phase } },
  );
}

export type EmitAll = (keys: Iterable<unknown>, value: unknown) => void;

/** The emitAll of this emit. */
export function emitEach(emit: (key: unknown, value: unknown) => void): EmitAll {
  return (keys, value) => {
    for (const key of listOfKeys(keys)) emit(key, value);
  };
}

/** The emitAll of a job that emits no keys to be grouped. */
export function refuseEmitAll(): never {
  throw new MapReduceError(
    'JobDefinitionError',
    'emitAll() is for jobs with `reduce`; this job has none. Call emit(key, value) for each, or emit.name(key, value) if it has several outputs',
  );
}

/** A string is a list of its characters, which hardly anybody wants to emit. */
function listOfKeys(keys: unknown): Iterable<unknown> {
  if (typeof keys === 'object' && keys !== null && Symbol.iterator in keys) return keys as Iterable<unknown>;
  const remedy =
    typeof keys === 'string'
      ? 'Write emit(key, value) for one key, or emitAll(wordsOf(text), value) for its words'
      : keys === null || keys === undefined
        ? 'match() returns null if nothing matches: write emitAll(line.match(...) ?? [], value)'
        : 'Write emit(key, value) for one key';
  throw new MapReduceError(
    'JobDefinitionError',
    `emitAll() takes a list of keys, such as an array or wordsOf(line); received ${preview(keys)} (${typeName(keys)}). ${remedy}`,
  );
}

/** The `emit` of a context: a function, or for named outputs an object of functions. `to` is the position of the output. */
export function emitterOf(
  { output }: Pick<Job, 'output'>,
  emit: (key: unknown, value: unknown, to: number) => void,
): (key: unknown, value: unknown) => void {
  if (output.sinks[0]!.name === undefined) return (key, value) => emit(key, value, 0);
  const named = output.sinks.map(({ name }, to) => [
    name!,
    (key: unknown, value: unknown) => emit(key, value, to),
  ]);
  // The cast: the types of a job with named outputs show `emit` as this object.
  return Object.freeze(Object.fromEntries(named)) as never;
}
