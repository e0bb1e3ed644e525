import { expect, test } from 'vitest';
import { bytesCodec } from '../../src/codec/bytes-codec.ts';
import { anyBytes, compareLists, encoded, expectKeepsOrder, expectRoundTrips } from './laws.ts';

test('bytes are decoded unchanged', () => {
  expectRoundTrips(bytesCodec, anyBytes);
});

test('bytes sort as bytes', () => {
  expectKeepsOrder(bytesCodec, anyBytes, (a, b) => compareLists([...a], [...b], (x, y) => x - y));
});

test('a value that is not bytes is refused', () => {
  expect(() => encoded(bytesCodec, 'text' as unknown as Uint8Array)).toThrow(
    'bytes cannot hold "text" (string). Allowed: a Uint8Array, a Buffer, or a range of bytes ({ bytes, start, end }).',
  );
});
