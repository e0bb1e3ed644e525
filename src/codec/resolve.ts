import { MapReduceError } from '../base/errors.ts';
import { preview } from '../base/show-value.ts';
import { bytesCodec } from './bytes-codec.ts';
import type { Codec, KeyCodec, KeyType, ValueType } from './codec.ts';
import { customCodec } from './custom-codec.ts';
import { jsonKeyCodec } from './json-key.ts';
import { jsonValueCodec } from './json-value.ts';
import { numberKeyCodec } from './number-key.ts';
import { numberValueCodec } from './number-value.ts';
import { stringCodec } from './string-codec.ts';
import { tupleKeyCodec } from './tuple-key.ts';
import { tupleValueCodec } from './tuple-value.ts';

/** The codec behind a job's `key`. Throws JobDefinitionError that lists the choices. */
export function resolveKeyCodec(type: KeyType): KeyCodec<unknown> {
  if (isTuple(type)) return tupleKeyCodec(type.map(resolveKeyCodec)) as KeyCodec<unknown>;
  if (type === 'string') return stringCodec as KeyCodec<unknown>;
  if (type === 'number') return numberKeyCodec as KeyCodec<unknown>;
  if (type === 'bytes') return bytesCodec as KeyCodec<unknown>;
  if (isJson(type)) return jsonKeyCodec;
  if (isCodec(type)) {
    if ((type as Partial<KeyCodec<unknown>>).ordered === true) return customCodec(type as KeyCodec<unknown>);
    throw new MapReduceError(
      'JobDefinitionError',
      `the codec '${type.name}' cannot be a key's: the engine sorts keys by their bytes. ` +
        'Where its bytes sort as its values do, add ordered: true.',
    );
  }
  throw notAType('key', type);
}

/** The codec behind a job's `value`. Throws JobDefinitionError that lists the choices. */
export function resolveValueCodec(type: ValueType): Codec<unknown> {
  if (isTuple(type)) return tupleValueCodec(type.map(resolveValueCodec)) as Codec<unknown>;
  if (type === 'string') return stringCodec as Codec<unknown>;
  if (type === 'number') return numberValueCodec as Codec<unknown>;
  if (type === 'bytes') return bytesCodec as Codec<unknown>;
  if (isJson(type)) return jsonValueCodec;
  if (isCodec(type)) return customCodec(type);
  throw notAType('value', type);
}

function isTuple<T>(type: T | readonly T[]): type is readonly T[] {
  return Array.isArray(type) && type.length > 0;
}

function isJson(type: unknown): boolean {
  return typeof type === 'object' && type !== null && (type as { json?: unknown }).json === true;
}

function isCodec(type: unknown): type is Codec<unknown> {
  if (typeof type !== 'object' || type === null) return false;
  const { name, encode, decode } = type as Partial<Codec<unknown>>;
  return typeof name === 'string' && typeof encode === 'function' && typeof decode === 'function';
}

function notAType(field: 'key' | 'value', type: unknown): MapReduceError {
  const codec =
    field === 'key'
      ? 'KeyCodec ({ name, ordered: true, encode, decode })'
      : 'Codec ({ name, encode, decode })';
  return new MapReduceError(
    'JobDefinitionError',
    `${field}: ${preview(type)} is no type of a ${field}. Choose 'string', 'number', 'bytes', json<T>(), ` +
      `a tuple of these such as ['string', 'number'], or a ${codec}.`,
  );
}
