/**
 * Checks what the user's functions return. They are synchronous; map and reduce pass on records with emit() and return
 * nothing. A returned value would be silently lost, so each call is checked, at the cost of one comparison.
 */
import { type ErrorDetails, MapReduceError } from './errors.ts';
import { preview, typeName } from './show-value.ts';

export type UserPhase = NonNullable<ErrorDetails['phase']>;

/** Refuses what map or reduce returned, if it is not undefined. */
export function refuseReturned(phase: 'map' | 'reduce', returned: unknown): never {
  refusePromise(phase, returned);
  throw new MapReduceError(
    'JobDefinitionError',
    `${phase}() returned ${describeReturned(returned)}; it must call emit(key, value) and return nothing. ${remedyFor(returned)}`,
    { details: { phase } },
  );
}

/** Refuses a promise: its result and its failure would be lost. */
export function refusePromise(phase: UserPhase, returned: unknown, what = `${phase}()`): void {
  if (!isThenable(returned)) return;
  ignoreOutcome(returned);
  throw new MapReduceError(
    'JobDefinitionError',
    `${what} returned a promise; it must be synchronous. Remove 'async', and ${SYNCHRONOUS_WAY[phase]}`,
    { details: { phase } },
  );
}

/** Describes a returned value for a message. Never throws. */
export function describeReturned(returned: unknown): string {
  if (isThenable(returned)) return 'a promise';
  if (isIterator(returned)) return 'a generator or another iterator';
  return `${preview(returned)} (${typeName(returned)})`;
}

/**
 * The kind of a function that is async or a generator, for a message; undefined for one that the engine can call. It sees
 * the syntax only: a function that a compiler has rewritten is detected when it is called.
 */
export function unsuitableKind(candidate: unknown): string | undefined {
  if (typeof candidate !== 'function') return undefined;
  return KINDS_REFUSED.get(Object.prototype.toString.call(candidate));
}

const KINDS_REFUSED = new Map([
  ['[object AsyncFunction]', 'an async function'],
  ['[object GeneratorFunction]', 'a generator function'],
  ['[object AsyncGeneratorFunction]', 'an async generator function'],
]);

const BEFORE_THE_JOB =
  'fetch what it needs before the job, at the top level of the job module (await works there), or read it synchronously in setup';

const SYNCHRONOUS_WAY: Record<UserPhase, string> = {
  setup:
    'fetch what it needs at the top level of the job module (await works there), or read it with readFileSync()',
  input: 'await in read() or in its iterator, between batches',
  map: BEFORE_THE_JOB,
  combine: BEFORE_THE_JOB,
  partition: BEFORE_THE_JOB,
  reduce: BEFORE_THE_JOB,
  codec: BEFORE_THE_JOB,
  output: BEFORE_THE_JOB,
};

function remedyFor(returned: unknown): string {
  if (isIterator(returned)) return "Remove '*', and call emit() instead of yield";
  if (isArray(returned))
    return 'Call emit() for each pair instead of returning them, and use forEach() instead of map()';
  if (typeof returned === 'boolean')
    return 'Write `if (condition) emit(...)` instead of `condition && emit(...)`';
  return 'Put the body in braces: (...) => { ... }';
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return hasMethod(value, 'then');
}

function isIterator(value: unknown): boolean {
  return hasMethod(value, 'next');
}

/** Never throws: the value may be a proxy, or have getters that throw. */
function hasMethod(value: unknown, name: string): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    return typeof Reflect.get(value, name) === 'function';
  } catch {
    return false;
  }
}

function isArray(value: unknown): boolean {
  try {
    return Array.isArray(value);
  } catch {
    // A revoked proxy.
    return false;
  }
}

/** Handles the promise's rejection, which would otherwise end the process. The error thrown instead says enough. */
function ignoreOutcome(promise: PromiseLike<unknown>): void {
  try {
    promise.then(undefined, () => {});
  } catch {
    // A then() that throws does not matter: the promise is refused anyway.
  }
}
