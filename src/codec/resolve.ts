import { MapReduceError } from '../base/errors.ts';
import { preview } from '../base/show-value.ts';
import { bytesCodec } from './bytes-codec.ts';
import type { Codec, KeyCodec } from './codec.ts';
import { customCodec } from './custom-codec.ts';
import { jsonKeyCodec } from './json-key.ts';
import { jsonValueCodec } from './json-value.ts';
import { numberKeyCodec } from './number-key.ts';
import { numberValueCodec } from './number-value.ts';
import { stringCodec } from './string-codec.ts';
import { tupleKeyCodec } from './tuple-key.ts';
import { tupleValueCodec } from './tuple-value.ts';

/**
 * The codec of a job's `key`, a KeyType.
 *
 * @throws JobDefinitionError that lists the choices
 */
export function resolveKeyCodec(type: unknown): KeyCodec<unknown> {
  if (isTuple(type)) return tupleKeyCodec(type.map(resolveKeyCodec));
  if (type === 'string') return stringCodec;
  if (type === 'number') return numberKeyCodec;
  if (type === 'bytes') return bytesCodec;
  if (isJson(type)) return jsonKeyCodec;
  if (isCodec(type)) {
    if (isOrdered(type)) return customCodec(type);
    throw new MapReduceError(
      'JobDefinitionError',
      `the codec '${type.name}' cannot encode keys: the engine sorts keys by their bytes. ` +
        'If its bytes sort as its values do, add ordered: true.',
    );
  }
  throw notAType('key', type);
}

/**
 * The codec of a job's `value`, a ValueType.
 *
 * @throws JobDefinitionError that lists the choices
 */
export function resolveValueCodec(type: unknown): Codec<unknown> {
  if (isTuple(type)) return tupleValueCodec(type.map(resolveValueCodec));
  if (type === 'string') return stringCodec;
  if (type === 'number') return numberValueCodec;
  if (type === 'bytes') return bytesCodec;
  if (isJson(type)) return jsonValueCodec;
  if (isCodec(type)) return customCodec(type);
  throw notAType('value', type);
}

function isTuple(type: unknown): type is readonly unknown[] {
  return Array.isArray(type) && type.length > 0;
}

function isJson(type: unknown): boolean {
  return typeof type === 'object' && type !== null && 'json' in type && type.json === true;
}

function isCodec(type: unknown): type is Codec<unknown> {
  return (
    typeof type === 'object' &&
    type !== null &&
    'name' in type &&
    typeof type.name === 'string' &&
    'encode' in type &&
    typeof type.encode === 'function' &&
    'decode' in type &&
    typeof type.decode === 'function'
  );
}

function isOrdered(codec: Codec<unknown>): codec is KeyCodec<unknown> {
  return 'ordered' in codec && codec.ordered === true;
}

function notAType(field: 'key' | 'value', type: unknown): MapReduceError {
  const codec =
    field === 'key'
      ? 'KeyCodec ({ name, ordered: true, encode, decode })'
      : 'Codec ({ name, encode, decode })';
  return new MapReduceError(
    'JobDefinitionError',
    `${field}: ${preview(type)} is not a type of ${field}s. Choose 'string', 'number', 'bytes', json<T>(), ` +
      `a tuple of these such as ['string', 'number'], or a ${codec}.`,
  );
}
