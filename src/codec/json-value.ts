import type { Codec } from './codec.ts';
import { jsonText } from './json-text.ts';
import { parseJson } from './parse-json.ts';
import { decodeString, encodeString } from './string-codec.ts';

/** JSON text in UTF-8. What JSON.stringify would silently drop or change is an UnencodableValueError instead. */
export const jsonValueCodec: Codec<unknown> = {
  name: 'json',
  encode: (value, sink) => encodeString(jsonText(value, 'json'), sink),
  decode: (bytes, start, end) => parseJson(decodeString(bytes, start, end)),
};
