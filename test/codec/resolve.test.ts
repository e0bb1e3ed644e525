import { expect, test } from 'vitest';
import type { Codec, KeyCodec, KeyType, ValueType } from '../../src/codec/codec.ts';
import { json } from '../../src/codec/json-type.ts';
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

test('a codec of one’s own is used, under its name', () => {
  const keyCodec: KeyCodec<string> = { ...codec, ordered: true, decode: () => 'decoded' };

  expect(resolveValueCodec(codec)).toMatchObject({ name: 'mine' });
  expect(resolveKeyCodec(keyCodec)).toMatchObject({ name: 'mine', ordered: true });
  expect(resolveKeyCodec(keyCodec).decode(Buffer.alloc(0), 0, 0)).toBe('decoded');
});

test('a key’s codec has to keep order', () => {
  expect(() => resolveKeyCodec(codec as KeyCodec<string>)).toThrow(
    "the codec 'mine' cannot be a key's: the engine sorts keys by their bytes. " +
      'Where its bytes sort as its values do, add ordered: true.',
  );
});

test('what is no type lists the choices', () => {
  for (const nonsense of ['int', 3, null, undefined, [], {}, { name: 'x' }, ['string', 'int']]) {
    const isJobDefinitionError = expect.objectContaining({ name: 'JobDefinitionError' });

    expect(() => resolveKeyCodec(nonsense as KeyType)).toThrow(isJobDefinitionError);
    expect(() => resolveValueCodec(nonsense as ValueType)).toThrow(isJobDefinitionError);
  }
  expect(() => resolveValueCodec('int' as ValueType)).toThrow(
    `value: "int" is no type of a value. Choose 'string', 'number', 'bytes', json<T>(), ` +
      `a tuple of these such as ['string', 'number'], or a Codec ({ name, encode, decode }).`,
  );
});
