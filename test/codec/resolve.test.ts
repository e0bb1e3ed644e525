import { expect, test } from 'vitest';
import type { Codec, KeyCodec, KeyType, ValueType } from '../../src/codec/codec.ts';
import { json } from '../../src/codec/json-value.ts';
import { resolveKeyCodec, resolveValueCodec } from '../../src/codec/resolve.ts';

const codec: Codec<string> = { name: 'mine', encode: () => {}, decode: () => '' };

test('codecs that write different bytes have different names', () => {
  const names = [
    ...[json(), 'string', 'number', 'bytes', ['number', 'string'], [['number'], 'string']].map(
      (type) => resolveKeyCodec(type as KeyType).name,
    ),
    ...[json(), 'number', ['number', 'string'], [['number'], 'string']].map(
      (type) => resolveValueCodec(type as ValueType).name,
    ),
  ];

  expect(new Set(names).size).toBe(names.length);
});

test('a custom codec is used, under its own name', () => {
  const keyCodec: KeyCodec<string> = { ...codec, ordered: true, decode: () => 'decoded' };

  expect(resolveValueCodec(codec)).toMatchObject({ name: 'mine' });
  expect(resolveKeyCodec(keyCodec)).toMatchObject({ name: 'mine', ordered: true });
  expect(resolveKeyCodec(keyCodec).decode(Buffer.alloc(0), 0, 0)).toBe('decoded');
});

test('a key codec must keep order', () => {
  expect(() => resolveKeyCodec(codec)).toThrow(
    "the codec 'mine' cannot encode keys: the engine sorts keys by their bytes. " +
      'If its bytes sort as its values do, add ordered: true.',
  );
});

test('an unknown type is refused, with the choices', () => {
  for (const nonsense of ['int', 3, null, undefined, [], {}, { name: 'x' }, ['string', 'int']]) {
    const isJobDefinitionError = expect.objectContaining({ name: 'JobDefinitionError' });

    expect(() => resolveKeyCodec(nonsense)).toThrow(isJobDefinitionError);
    expect(() => resolveValueCodec(nonsense)).toThrow(isJobDefinitionError);
  }
  expect(() => resolveValueCodec('int')).toThrow(
    `value: "int" is not a type of values. Choose 'string', 'number', 'bytes', json<T>(), ` +
      `a tuple of these such as ['string', 'number'], or a Codec ({ name, encode, decode }).`,
  );
});
