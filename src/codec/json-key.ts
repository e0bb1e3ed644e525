/**
 * JSON as keys, in a total order:
 *
 *     null < false < true < numbers < strings < arrays (element by element) < objects (by their sorted entries)
 *
 *     00 end   01 null   02 false   03 true   04 number: 8 bytes   05 string: text 00 00
 *     06 array: elements, end               07 object: (05 name 00 00, value) by name, end
 *
 * Strings and names sort by code point. The tags show where each value ends, so JSON needs no escaping inside of tuples.
 * A decoded key equals the one that was encoded, with the entries of objects in sorted order. -0 and 0 are one key, which
 * decodes as 0. A lone surrogate has no UTF-8 form, so two keys could become one: it is refused.
 */
import { MapReduceError } from '../base/errors.ts';
import { sortUtf8 } from '../base/utf8-order.ts';
import type { ByteSink } from './codec.ts';
import type { Cursor, SelfDelimitingKeyCodec } from './delimited.ts';
import { checkJsonKey } from './json-check.ts';
import { encodeNumberKey, numberKeyCodec } from './number-key.ts';
import { delimitedString } from './string-codec.ts';

const END = 0;
const NULL = 1;
const FALSE = 2;
const TRUE = 3;
const NUMBER = 4;
const STRING = 5;
const ARRAY = 6;
const OBJECT = 7;

const NAME = 'ordered-json';

export const jsonKeyCodec: SelfDelimitingKeyCodec<unknown> = {
  name: NAME,
  ordered: true,
  encode: encodeJsonKey,
  decode: (bytes, start) => decodeAny(bytes, { at: start }),
  delimited: { encode: encodeJsonKey, decode: decodeAny },
};

function encodeJsonKey(value: unknown, sink: ByteSink): void {
  checkJsonKey(value, NAME);
  encodeAny(value, sink);
}

function encodeAny(value: unknown, sink: ByteSink): void {
  if (value === null) {
    writeTag(NULL, sink);
  } else if (typeof value === 'string') {
    writeTag(STRING, sink);
    delimitedString.encode(value, sink);
  } else if (typeof value === 'number') {
    writeTag(NUMBER, sink);
    encodeNumberKey(value, sink);
  } else if (typeof value === 'boolean') {
    writeTag(value ? TRUE : FALSE, sink);
  } else if (Array.isArray(value)) {
    writeTag(ARRAY, sink);
    for (const element of value) encodeAny(element, sink);
    writeTag(END, sink);
  } else {
    // Checked by checkJsonKey().
    const object = value as Readonly<Record<string, unknown>>;
    writeTag(OBJECT, sink);
    for (const name of sortUtf8(Object.keys(object))) {
      encodeAny(name, sink);
      encodeAny(object[name], sink);
    }
    writeTag(END, sink);
  }
}

function decodeAny(bytes: Buffer, cursor: Cursor): unknown {
  const tag = bytes[cursor.at++];
  switch (tag) {
    case NULL:
      return null;
    case FALSE:
      return false;
    case TRUE:
      return true;
    case NUMBER:
      return numberKeyCodec.delimited.decode(bytes, cursor);
    case STRING:
      return delimitedString.decode(bytes, cursor);
    case ARRAY: {
      const array: unknown[] = [];
      while (bytes[cursor.at] !== END) array.push(decodeAny(bytes, cursor));
      cursor.at++;
      return array;
    }
    case OBJECT: {
      const entries: [string, unknown][] = [];
      while (bytes[cursor.at] !== END) {
        // encodeAny() writes a string before each entry.
        const name = decodeAny(bytes, cursor) as string;
        entries.push([name, decodeAny(bytes, cursor)]);
      }
      cursor.at++;
      // Not by assignment: an entry named __proto__ would set the prototype.
      return Object.fromEntries(entries);
    }
    default:
      throw new MapReduceError(
        'CorruptShuffleError',
        `a JSON key holds the unknown tag ${tag} at byte ${cursor.at - 1}`,
      );
  }
}

function writeTag(tag: number, sink: ByteSink): void {
  if (sink.bytes.length === sink.end) sink.reserve(1);
  sink.bytes[sink.end++] = tag;
}
