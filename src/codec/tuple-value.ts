/**
 * Tuples as values: every part except the last is preceded by its length, a varint. The last ends where the value ends.
 *
 *     ['number', 'string']    length | number | text
 */
import { readVarint, VARINT_BYTES_MAX, varintEnd, writeVarint } from '../base/varint.ts';
import { appendBytes } from './append-bytes.ts';
import type { ByteSink, Codec } from './codec.ts';
import { GrowableSink } from './growable-sink.ts';
import {
  decodeNumberValue,
  encodeNumberValue,
  NUMBER_VALUE_BYTES_MAX,
  numberValueCodec,
} from './number-value.ts';
import { checkTuple } from './tuple-key.ts';

export function tupleValueCodec(parts: readonly Codec<unknown>[]): Codec<readonly unknown[]> {
  const name = `tuple(${parts.map((part) => part.name).join(',')})`;
  return parts.every((part) => part === numberValueCodec)
    ? numberTuple(name, parts.length)
    : anyTuple(name, parts);
}

/** Whether the values are tuples of numbers only, which take the same room no matter how many are folded into one. */
export function isNumberTuple(codec: Codec<unknown>): boolean {
  return numberTuples.has(codec);
}

/** How many parts a tuple of numbers has; 0 for other values. */
export function numberTupleParts(codec: Codec<unknown>): number {
  return numberTuples.get(codec) ?? 0;
}

const numberTuples = new WeakMap<object, number>();

function anyTuple(name: string, parts: readonly Codec<unknown>[]): Codec<readonly unknown[]> {
  const size = parts.length;
  const last = parts[size - 1]!;
  // The length precedes the part but is known only after encoding it, so parts are encoded here first.
  const scratch = new GrowableSink();
  return {
    name,
    encode(value, sink) {
      checkTuple(value, size, name);
      for (let i = 0; i < size - 1; i++) {
        scratch.reset();
        parts[i]!.encode(value[i], scratch);
        writeWithLength(scratch, sink);
      }
      last.encode(value[size - 1], sink);
    },
    decode(bytes, start, end) {
      const value: unknown[] = [];
      let at = start;
      for (let i = 0; i < size - 1; i++) {
        const partStart = varintEnd(bytes, at);
        const partEnd = partStart + readVarint(bytes, at);
        value.push(parts[i]!.decode(bytes, partStart, partEnd));
        at = partEnd;
      }
      value.push(last.decode(bytes, at, end));
      return value;
    },
  };
}

/** Writes the same bytes without a call per part, since sums over several columns are common. */
function numberTuple(name: string, size: number): Codec<readonly unknown[]> {
  const codec: Codec<readonly unknown[]> = {
    name,
    encode(value, sink) {
      checkTuple(value, size, name);
      sink.reserve(size * (1 + NUMBER_VALUE_BYTES_MAX));
      const bytes = sink.bytes;
      let at = sink.end;
      for (let i = 0; i < size; i++) {
        const part = value[i];
        // Always throws, with the reason: the cast passes on what is not a number.
        if (typeof part !== 'number') return numberValueCodec.encode(part as number, sink);
        if (i === size - 1) {
          at = encodeNumberValue(part, bytes, at);
        } else {
          const end = encodeNumberValue(part, bytes, at + 1);
          bytes[at] = end - at - 1;
          at = end;
        }
      }
      sink.end = at;
    },
    decode(bytes, start, end) {
      const value: number[] = [];
      let at = start;
      for (let i = 0; i < size - 1; i++) {
        const partEnd = at + 1 + bytes[at]!;
        value.push(decodeNumberValue(bytes, at + 1, partEnd));
        at = partEnd;
      }
      value.push(decodeNumberValue(bytes, at, end));
      return value;
    },
  };
  numberTuples.set(codec, size);
  return codec;
}

function writeWithLength(part: GrowableSink, sink: ByteSink): void {
  sink.reserve(VARINT_BYTES_MAX + part.end);
  sink.end = writeVarint(part.end, sink.bytes, sink.end);
  appendBytes(part.bytes, 0, part.end, sink);
}
