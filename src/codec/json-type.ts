import type { JsonType } from './codec.ts';

/**
 * Keys or values that are JSON, typed by the caller. As keys they sort: null < false < true < numbers < strings <
 * arrays < objects.
 *
 * @example
 * value: json<{ readonly count: number; readonly lines: readonly string[] }>(),
 */
export function json<T>(): JsonType<T> {
  return { json: true };
}
