import { describe, expect, it } from 'vitest';
import { printKey } from '../../src/codec/print-key.ts';
import { stringCodec } from '../../src/codec/string-codec.ts';

describe('printKey()', () => {
  it('prints at most 200 characters, and bytes that do not decode in hexadecimal', () => {
    const long = Buffer.from('x'.repeat(500));
    const undecodable = {
      ...stringCodec,
      decode: (): string => {
        throw new Error('no');
      },
    };

    expect(printKey(stringCodec, Buffer.from('a"b'), 0, 3)).toBe('"a\\"b"');
    expect(printKey(stringCodec, long, 0, 500).length).toBe(200);
    expect(printKey(undecodable, Buffer.from('abc'), 0, 3)).toBe('0x616263');
    expect(printKey(undecodable, long, 0, 500)).toBe(`0x${'78'.repeat(64)}`);
  });
});
