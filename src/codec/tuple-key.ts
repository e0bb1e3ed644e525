import type { ByteSink, KeyCodec } from './codec.ts';
import { type Cursor, delimited, type SelfDelimitingKeyCodec } from './delimited.ts';
import { unencodable } from './unencodable.ts';

/**
 * Tuples as keys: part after part, so they sort by the first part, then by the second, and so on. Every part except the
 * last is delimited. The last part ends where the key ends, so text there needs neither escaping nor an end mark.
 *
 *     ['string', 'number']    text 00 00 | 8 bytes
 *     ['number', 'string']    8 bytes | text
 */
export function tupleKeyCodec(
  parts: readonly KeyCodec<unknown>[],
): SelfDelimitingKeyCodec<readonly unknown[]> {
  const name = `ordered-tuple(${parts.map((part) => part.name).join(',')})`;
  const inner = parts.map(delimited);
  const size = parts.length;
  const last = parts[size - 1]!;

  function encodeParts(value: readonly unknown[], count: number, sink: ByteSink): void {
    checkTuple(value, size, name);
    for (let i = 0; i < count; i++) inner[i]!.encode(value[i], sink);
  }

  function decodeParts(bytes: Buffer, cursor: Cursor, count: number): unknown[] {
    const value: unknown[] = [];
    for (let i = 0; i < count; i++) value.push(inner[i]!.decode(bytes, cursor));
    return value;
  }

  return {
    name,
    ordered: true,
    encode(value, sink) {
      encodeParts(value, size - 1, sink);
      last.encode(value[size - 1], sink);
    },
    decode(bytes, start, end) {
      const cursor = { at: start };
      const value = decodeParts(bytes, cursor, size - 1);
      value.push(last.decode(bytes, cursor.at, end));
      return value;
    },
    delimited: {
      encode: (value, sink) => encodeParts(value, size, sink),
      decode: (bytes, cursor) => decodeParts(bytes, cursor, size),
    },
  };
}

/** Throws UnencodableValueError unless `value` is an array of exactly `size` parts. */
export function checkTuple(value: unknown, size: number, codec: string): void {
  if (Array.isArray(value) && value.length === size) return;
  throw unencodable({
    codec,
    value,
    allowed: `an array of ${size} part${size === 1 ? '' : 's'}`,
    remedy: 'Emit as many parts as the job declares.',
  });
}
