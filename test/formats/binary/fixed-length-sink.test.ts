import { expect, test } from 'vitest';
import { resolveKeyCodec, resolveValueCodec } from '../../../src/codec/resolve.ts';
import { fixedLength } from '../../../src/formats/binary/fixed-length.ts';
import { written, writtenFromBytes } from '../written.ts';

const codecs = { key: resolveKeyCodec('string'), value: resolveValueCodec('bytes') };

test('records are written one after the other, with nothing between them', () => {
  const record = { key: 'ignored', value: Buffer.from('abcd') };

  expect(written(fixedLength(4), record)).toBe('abcd');
  expect(writtenFromBytes(fixedLength(4), codecs, record)).toBe('abcd');
});

test('records of another length are refused by both writers', () => {
  for (const text of ['', 'abc', 'abcde']) {
    const record = { key: 'k', value: Buffer.from(text) };
    const message = `fixed-length(4) cannot hold ${text.length} bytes (${Buffer.from(text).toString('hex')})`;

    expect(() => written(fixedLength(4), record)).toThrow(message);
    expect(() => writtenFromBytes(fixedLength(4), codecs, record)).toThrow(message);
  }
  expect(() => written(fixedLength(4), { key: 'k', value: 'abcd' })).toThrow(
    'fixed-length(4) cannot hold "abcd" (string). Allowed: a Uint8Array of exactly 4 bytes.',
  );
});
