/**
 * What the user's functions may return. They are synchronous; map and reduce hand on records by emit() and return
 * nothing. A value that is returned instead would be lost without a word, so that each call is checked, at the price
 * of one comparison.
 */
import { type ErrorDetails, MapReduceError } from './errors.ts';
import { preview, typeName } from './show-value.ts';

export type UserPhase = NonNullable<ErrorDetails['phase']>;

/** For what map or reduce returned, where it is not undefined. */
export function refuseReturned(phase: 'map' | 'reduce', returned: unknown): never {
  refusePromise(phase, returned);
  throw new MapReduceError(
    'JobDefinitionError',
    `${phase}() returned ${describeReturned(returned)}; it must call emit(key, value) and return nothing. ${remedyFor(returned)}`,
    { details: { phase } },
  );
}

/** A promise would be dropped, and its failure with it. */
export function refusePromise(phase: UserPhase, returned: unknown, what = `${phase}()`): void {
  if (!isThenable(returned)) return;
  ignoreOutcome(returned);
  throw new MapReduceError(
    'JobDefinitionError',
    `${what} returned a promise; it must be synchronous. Drop 'async', and ${SYNCHRONOUS_WAY[phase]}`,
    { details: { phase } },
  );
}

/** For a message; never throws. */
export function describeReturned(returned: unknown): string {
  if (isThenable(returned)) return 'a promise';
  if (isIterator(returned)) return 'a generator or another iterator';
  return `${preview(returned)} (${typeName(returned)})`;
}

/**
 * What kind of function it is, where calling it runs no code at once or returns a promise; undefined for one that can
 * be called as the engine does. Sees the source's syntax: what a compiler has rewritten shows when it is called.
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
  map: BEFORE_THE_JOB,
  combine: BEFORE_THE_JOB,
  partition: BEFORE_THE_JOB,
  reduce: BEFORE_THE_JOB,
  codec: BEFORE_THE_JOB,
};

function remedyFor(returned: unknown): string {
  if (isIterator(returned)) return "Drop '*', and call emit() instead of yield";
  if (isArray(returned))
    return 'Call emit() for each pair instead of returning them, and use forEach() rather than map()';
  if (typeof returned === 'boolean')
    return 'Write `if (condition) emit(...)` rather than `condition && emit(...)`';
  return 'Put the body in braces: (...) => { ... }';
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return hasMethod(value, 'then');
}

function isIterator(value: unknown): boolean {
  return hasMethod(value, 'next');
}

/** What user code returns may be a proxy, or have getters that throw. */
function hasMethod(value: unknown, name: string): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    return typeof (value as Readonly<Record<string, unknown>>)[name] === 'function';
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

/** The message says enough; its failure must not end the process as an unhandled rejection. */
function ignoreOutcome(promise: PromiseLike<unknown>): void {
  try {
    promise.then(undefined, () => {});
  } catch {
    // A then() that throws has nothing to say that matters here.
  }
}
