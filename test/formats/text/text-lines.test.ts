import { describe, expect, it } from 'vitest';
import type { OpenPiece } from '../../../src/formats/source.ts';
import { UTF_8 } from '../../../src/formats/text/encodings.ts';
import { textLines } from '../../../src/formats/text/text-lines.ts';
import { TextLinesParser } from '../../../src/formats/text/text-lines-parser.ts';
import { parsePiece } from '../line-oracle.ts';

function linesOf(
  content: string | Buffer,
  { encoding = 'utf8', chunk = 7 }: { encoding?: 'utf8' | 'latin1'; chunk?: number } = {},
) {
  const bytes = Buffer.from(content as string);
  const { lines, ownedBytes } = parsePiece(encoding, bytes, {
    start: 0,
    end: Number.POSITIVE_INFINITY,
    chunkSizes: [chunk],
  });
  expect(ownedBytes).toBe(bytes.length);
  return lines.map(({ text }) => text);
}

describe('textLines()', () => {
  it.each([
    ['an empty file has no lines', '', []],
    ['one newline is one empty line', '\n', ['']],
    ['the last line needs no newline', 'a\nb', ['a', 'b']],
    ['empty lines are records', 'a\n\n\nb\n', ['a', '', '', 'b']],
    ['CRLF ends a line', 'a\r\n\r\nb\r\n', ['a', '', 'b']],
    ['only one CR is dropped', 'a\r\r\n', ['a\r']],
    ['a lone CR is data', 'a\rb\n\rc\n', ['a\rb', '\rc']],
    ['a CR at the end of the file is data', 'a\r', ['a\r']],
    ['a byte order mark is skipped', '\ufeffa\nb', ['a', 'b']],
    ['a byte order mark alone is an empty file', '\ufeff', []],
    ['a byte order mark before an empty line leaves it a line', '\ufeff\n', ['']],
    ['a byte order mark further on is data', 'a\n\ufeffb', ['a', '\ufeffb']],
    ['other line separators are data', 'a\u2028b\u0085c\v\f\n', ['a\u2028b\u0085c\v\f']],
  ])('%s', (_, content, expected) => {
    for (const chunk of [1, 2, 3, 1000]) expect(linesOf(content, { chunk })).toEqual(expected);
  });

  it('turns invalid UTF-8 into U+FFFD, the same for every chunk size', () => {
    const bytes = Buffer.from([0x61, 0xff, 0x62, 0x0a, 0xe2, 0x82, 0x0a, 0xc3]);

    for (const chunk of [1, 3, 100])
      expect(linesOf(bytes, { chunk })).toEqual(['a\ufffdb', '\ufffd', '\ufffd']);
  });

  it('keeps every byte as latin1, those of the byte order mark too', () => {
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x80, 0xff, 0x00, 0x0a, 0xe9]);

    expect(linesOf(bytes, { encoding: 'latin1' })).toEqual(['\xef\xbb\xbf\x80\xff\0', '\xe9']);
  });

  it('reads a line that is three chunks long', () => {
    const long = 'é'.repeat(1500);

    expect(linesOf(`a\n${long}\nb\n`, { chunk: 1001 })).toEqual(['a', long, 'b']);
  });

  it('gives a line longer than three splits to the split in which it starts', () => {
    const long = 'x'.repeat(1000);
    const bytes = Buffer.from(`ab\n${long}\nend\n`);

    const pieces = [0, 300, 600, 900].map((start, index) =>
      parsePiece('utf8', bytes, { start, end: [300, 600, 900, bytes.length][index]!, chunkSizes: [64] }),
    );

    expect(pieces.map(({ lines }) => lines.map(({ text }) => text))).toEqual([['ab', long], [], [], ['end']]);
    expect(pieces.map(({ ownedBytes }) => ownedBytes)).toEqual([1004, 0, 0, 4]);
  });

  it('needs no byte after the newline that ends the piece', () => {
    const bytes = Buffer.from('one\ntwo\nthree\n');

    const cutAtLine = parsePiece('utf8', bytes, { start: 0, end: 4, chunkSizes: [1] });
    const cutInLine = parsePiece('utf8', bytes, { start: 0, end: 5, chunkSizes: [1] });
    const insideOneLine = parsePiece('utf8', bytes, { start: 9, end: 11, chunkSizes: [1] });

    expect(cutAtLine).toMatchObject({ bytesFed: 4, complete: true, ownedBytes: 4 });
    expect(cutInLine).toMatchObject({ bytesFed: 8, complete: true, ownedBytes: 8 });
    expect(insideOneLine).toMatchObject({ bytesFed: 2, complete: true, ownedBytes: 0, lines: [] });
  });

  it('reports where a record starts after deliver() threw', () => {
    const piece = { startBytes: 0, endBytes: 100, recordBytesMax: 100 } as OpenPiece;
    const parser = new TextLinesParser(piece, UTF_8, 'replace');
    const deliver = (line: string) => {
      if (line === 'bad') throw new Error('boom');
    };

    expect(() => parser.push(Buffer.from('ok\ngöd\nbad\nok\n'), deliver)).toThrow('boom');

    expect(parser.recordOffsetBytes()).toBe(8);
  });

  it('accepts a record of exactly the bound, not counting its line end', () => {
    const parse = (content: string) =>
      parsePiece('utf8', Buffer.from(content), {
        start: 0,
        end: 100,
        chunkSizes: [6],
        recordBytesMax: 10,
      });

    expect(parse('0123456789\r\n0123456789').lines).toHaveLength(2);
    expect(() => parse('abc\n0123456789a\n')).toThrow(
      /the line that starts at byte 4 is longer than 10 bytes, the maximum for one record\. Split it/,
    );
  });

  it('reads a line of many chunks in linear time', () => {
    const bytes = Buffer.alloc(8 << 20, 'x');

    const started = process.threadCpuUsage();
    const { lines } = parsePiece('utf8', bytes, {
      start: 0,
      end: bytes.length,
      chunkSizes: [512],
      recordBytesMax: 16 << 20,
    });

    expect(lines[0]!.text.length).toBe(bytes.length);
    // Joining at each chunk would copy 64 GiB.
    expect(process.threadCpuUsage(started).user / 1_000).toBeLessThan(3_000);
  });

  it('refuses options that it does not know, by name', () => {
    expect(() => textLines({ encoding: 'iso-2022-jp' })).toThrow(
      /received encoding "iso-2022-jp", in which the meaning of a byte depends on .* iconv -t UTF-8/,
    );
    expect(() => textLines({ invalid: 'skip' as 'bad' })).toThrow(
      /textLines\(\) received invalid "skip"; it must be 'replace' or 'bad'/,
    );
  });
});
