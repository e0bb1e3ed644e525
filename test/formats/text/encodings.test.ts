/** The encodings, and what cutting lines before decoding relies on. */
import { describe, expect, it } from 'vitest';
import { textEncoding } from '../../../src/formats/text/encodings.ts';

/** All encodings of the standard in which ASCII characters are single bytes. */
const ASCII_COMPATIBLE = [
  'utf-8',
  'ibm866',
  ...[2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16].map((part) => `iso-8859-${part}`),
  'iso-8859-8-i',
  'koi8-r',
  'koi8-u',
  'macintosh',
  ...[874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258].map((page) => `windows-${page}`),
  'x-mac-cyrillic',
  'gbk',
  'gb18030',
  'big5',
  'euc-jp',
  'shift_jis',
  'euc-kr',
];

describe.each(ASCII_COMPATIBLE)('in %s', (label) => {
  const encoding = textEncoding(label);

  it('the bytes of ASCII are the characters of ASCII', () => {
    const ascii = Buffer.from(Array.from({ length: 128 }, (_, i) => i));

    expect(encoding.decode(ascii)).toBe(ascii.toString('latin1'));
  });

  it('a byte 0x0a is a line end after any one, two or three bytes', () => {
    const wrong: string[] = [];
    const check = (before: number[]) => {
      const bytes = Buffer.from([...before, 0x0a, 0x41]);
      for (const text of [encoding.decode(bytes), encoding.replace(bytes)]) {
        if (text !== undefined && !/^[^\n]*\nA$/.test(text)) wrong.push(bytes.toString('hex'));
      }
    };
    const isOther = (byte: number) => byte !== 0x0a;
    const all = Array.from({ length: 256 }, (_, byte) => byte).filter(isOther);
    for (const lead of all.slice(0x7f)) {
      check([lead]);
      for (const second of all) check([lead, second]);
      for (const second of [0x30, 0x39, 0x40, 0x80, 0xa1, 0xbf, 0xfe]) {
        for (const third of [0x30, 0x40, 0x81, 0xa1, 0xfe]) check([lead, second, third]);
      }
    }

    expect(wrong).toEqual([]);
  });
});

describe('textEncoding()', () => {
  it.each([
    ['windows-1252', [0x80, 0xe9], '€é'],
    ['iso-8859-1', [0x80, 0xe9], '€é'],
    ['latin1', [0x80, 0xe9], '\x80é'],
    ['iso-8859-15', [0xa4], '€'],
    ['koi8-r', [0xf0, 0xd2], 'Пр'],
    ['Shift_JIS', [0x93, 0xfa, 0x5c], '日\\'],
    ['sjis', [0x93, 0xfa], '日'],
    ['gb18030', [0xd6, 0xd0, 0x81, 0x30, 0x84, 0x36], '中¥'],
    ['big5', [0xa4, 0xa4], '中'],
    ['euc-kr', [0xc7, 0xd1], '한'],
    ['euc-jp', [0xc6, 0xfc], '日'],
    ['utf-16le', [0x3d, 0xd8, 0x00, 0xde], '😀'],
    ['utf-16be', [0xd8, 0x3d, 0xde, 0x00], '😀'],
    ['utf-16', [0x61, 0x00], 'a'],
    ['ascii', [0x61], 'a'],
  ])('decodes %s', (label, bytes, text) => {
    expect(textEncoding(label).decode(Buffer.from(bytes))).toBe(text);
  });

  it.each([
    ['utf-8', [0x61, 0xff], 'a\ufffd'],
    ['utf-8', [0xed, 0xa0, 0x80], '\ufffd\ufffd\ufffd'],
    ['shift_jis', [0x61, 0x81], 'a\ufffd'],
    ['windows-1253', [0x61, 0xaa], 'a\ufffd'],
    ['utf-16le', [0x3d, 0xd8, 0x61, 0x00], '\ufffda'],
    ['utf-16le', [0x61, 0x00, 0x62], 'a\ufffd'],
    ['utf-16be', [0x00, 0x61, 0x00], 'a\ufffd'],
  ])('tells what is not valid %s', (label, bytes, text) => {
    const encoding = textEncoding(label);

    expect(encoding.decode(Buffer.from(bytes))).toBeUndefined();
    expect(encoding.replace(Buffer.from(bytes))).toBe(text);
  });

  it.each([
    'iso-2022-jp',
    'csISO2022JP',
    'iso-2022-kr',
    'hz-gb-2312',
    'utf-7',
    'utf-32',
    'ebcdic',
    '',
    5,
    null,
  ])('refuses %s by name, with a remedy', (label) => {
    expect(() => textEncoding(label as string)).toThrow(
      expect.objectContaining({
        name: 'JobDefinitionError',
        message: expect.stringMatching(
          /^textLines\(\) received encoding .* for example with iconv -t UTF-8\.$/,
        ),
      }),
    );
  });
});
