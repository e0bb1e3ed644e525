/** A naive splitter of lines, and random text to compare the parser with it. */
import fc from 'fast-check';
import type { OpenPiece } from '../../src/formats/source.ts';
import { textEncoding } from '../../src/formats/text/encodings.ts';
import { TextLinesParser } from '../../src/formats/text/text-lines-parser.ts';

export interface Line {
  readonly text: string;
  readonly offsetBytes: number;
}

export function naiveLines(bytes: Buffer, encoding: 'utf8' | 'latin1' = 'utf8'): Line[] {
  const parts = bytes.toString('latin1').split('\n');
  const lines: Line[] = [];
  let offsetBytes = 0;
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    let raw = !last && part.endsWith('\r') ? part.slice(0, -1) : part;
    if (encoding === 'utf8' && index === 0 && raw.startsWith('\xef\xbb\xbf')) raw = raw.slice(3);
    if (!last || raw !== '') lines.push({ text: Buffer.from(raw, 'latin1').toString(encoding), offsetBytes });
    offsetBytes += part.length + 1;
  }
  return lines;
}

/** Everything that can be wrong or odd about text, in small pieces. */
export const randomText: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('\n', '\r\n', '\n\n') },
      {
        weight: 8,
        arbitrary: fc.constantFrom('a', 'bc', 'a longer run of words', '\t', 'é', 'ß', '漢字', '😀'),
      },
      { weight: 2, arbitrary: fc.constantFrom('\r', '\u2028', '\x85', '\0', '\v\f') },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          [0xef, 0xbb, 0xbf],
          [0xff],
          [0xc3],
          [0xe6, 0xbc],
          [0xf0, 0x9f, 0x98],
          [0x80],
        ),
      },
    ),
    { maxLength: 60, size: 'max' },
  )
  .chain((parts) =>
    fc.boolean().map((marked) => {
      const text = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
      return marked ? Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), text]) : text;
    }),
  );

/** Half-open pieces that cover [0, size) from cuts given as fractions. */
export function piecesFromCuts(
  sizeBytes: number,
  fractions: readonly number[],
): { start: number; end: number }[] {
  const cuts = [0, ...fractions.map((fraction) => Math.floor(fraction * sizeBytes)), sizeBytes];
  cuts.sort((a, b) => a - b);
  return cuts.slice(1).map((end, index) => ({ start: cuts[index]!, end }));
}

export const randomCuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8, size: 'max' });

export interface PieceParsed {
  readonly lines: Line[];
  readonly ownedBytes: number;
  readonly bytesFed: number;
  readonly complete: boolean;
}

/** Feeds one parser as the engine does, cycling through the chunk sizes. Chunks are wiped after use: a parser must not keep them. */
export function parsePiece(
  encoding: 'utf8' | 'latin1',
  bytes: Buffer,
  {
    start,
    end,
    chunkSizes,
    recordBytesMax = 1 << 20,
    askOffset = () => true,
  }: {
    start: number;
    end: number;
    chunkSizes: readonly number[];
    recordBytesMax?: number;
    askOffset?: (lineIndex: number) => boolean;
  },
): PieceParsed {
  // The parser uses no more of the piece than this.
  const piece = { startBytes: start, endBytes: end, recordBytesMax, count() {} } as unknown as OpenPiece;
  const parser = new TextLinesParser(piece, textEncoding(encoding), 'replace');
  const lines: Line[] = [];
  const deliver = (text: string) => {
    lines.push({ text, offsetBytes: askOffset(lines.length) ? parser.recordOffsetBytes() : -1 });
  };
  let from = Math.max(0, start - 1);
  const first = from;
  let complete = false;
  for (let turn = 0; from < bytes.length && !complete; turn++) {
    const chunk = Buffer.from(bytes.subarray(from, from + chunkSizes[turn % chunkSizes.length]!));
    from += chunk.length;
    complete = parser.push(chunk, deliver);
    chunk.fill(0x0a);
  }
  if (!complete) parser.finish(deliver);
  return { lines, ownedBytes: parser.ownedBytes, bytesFed: from - first, complete };
}
