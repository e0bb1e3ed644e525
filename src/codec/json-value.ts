import type { Codec, JsonType } from './codec.ts';
import { jsonText } from './json-check.ts';
import { parseJson } from './parse-json.ts';
import { decodeString, encodeString } from './string-codec.ts';

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

/** JSON text in UTF-8. What JSON.stringify would silently drop or change is an UnencodableValueError instead. */
export const jsonValueCodec: Codec<unknown> = {
  name: 'json',
  encode: (value, sink) => encodeString(jsonText(value, 'json'), sink),
  decode: (bytes, start, end) => parseJson(decodeString(bytes, start, end)),
};
