import type { JsonType } from './codec.ts';

/**
 * The type of keys or values that are JSON: null, booleans, finite numbers, strings, arrays and plain objects. The compiler
 * checks them against T. As keys they sort as null < false < true < numbers < strings < arrays < objects.
 *
 * Emitting what JSON would silently drop or change (undefined, NaN, Date, Map and so on) throws an UnencodableValueError
 * that contains the path to that value.
 *
 * @example
 * value: json<{ readonly count: number; readonly lines: readonly string[] }>(),
 */
export function json<T>(): JsonType<T> {
  return { json: true };
}
