/** textLines() in other encodings, against TextDecoder, which decodes the whole file at once. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textLines } from '../../../src/formats/text/text-lines.ts';
import { naiveLines, randomCuts, randomText } from '../line-oracle.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { readInPieces, readSource } from '../read-source.ts';

/** The file as TextDecoder reads it, without the mark, and then split. */
function decodedLines(bytes: Buffer, label: string): string[] {
  const lines = new TextDecoder(label).decode(bytes).split('\n');
  const last = lines.pop()!;
  return [...lines.map((line) => line.replace(/\r$/, '')), ...(last === '' ? [] : [last])];
}

/** The standard reads half a pair and half a unit at the end of a file as one U+FFFD. */
const endingAlike = (lines: readonly string[]) =>
  lines.map((line, index) => (index === lines.length - 1 ? line.replace(/\ufffd+$/, '\ufffd') : line));

/** How many lines are not valid on their own; each with its newline, which is one byte of value 10. */
function invalidLines(bytes: Buffer, label: string): number {
  const strict = new TextDecoder(label, { fatal: true });
  const lines = bytes.toString('latin1').split(/(?<=\n)/);
  return lines.filter((line) => {
    try {
      strict.decode(Buffer.from(line, 'latin1'));
      return false;
    } catch {
      return true;
    }
  }).length;
}

const cutsOf = (fractions: readonly number[], size: number) =>
  fractions.map((fraction) => Math.floor(fraction * size)).sort((a, b) => a - b);

const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);

const randomUnits = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(0x0a, 0x0d) },
    // These have the byte of a newline in one half.
    { weight: 3, arbitrary: fc.constantFrom(0x0a00, 0x0a0a, 0x000d, 0x0d0a, 0x0a0d, 0x100a) },
    { weight: 3, arbitrary: fc.constantFrom(0x61, 0xe9, 0x6f22, 0xfeff) },
    { weight: 1, arbitrary: fc.constantFrom(0xd83d, 0xde00) },
  ),
  { maxLength: 40, size: 'max' },
);

const ENCODINGS = [
  'windows-1252',
  'windows-1253',
  'koi8-r',
  'shift_jis',
  'euc-jp',
  'euc-kr',
  'big5',
  'gbk',
  'gb18030',
];

describe('textLines() in UTF-16', () => {
  it.each(['utf-16le', 'utf-16be'] as const)(
    'reads what TextDecoder reads as %s, for all cuts',
    async (label) => {
      await fc.assert(
        fc.asyncProperty(
          randomUnits,
          fc.boolean(),
          fc.boolean(),
          randomCuts,
          fc.integer({ min: 1, max: 30 }),
          async (units, isMarked, isOdd, fractions, chunkBytes) => {
            const text = Buffer.alloc(2 * units.length);
            for (const [index, unit] of units.entries()) text.writeUInt16LE(unit, 2 * index);
            const marked = Buffer.concat([isMarked ? Buffer.from([0xff, 0xfe]) : Buffer.alloc(0), text]);
            if (label === 'utf-16be') marked.swap16();
            const bytes = Buffer.concat([marked, isOdd ? Buffer.from([0x0a]) : Buffer.alloc(0)]);
            const options = { cuts: cutsOf(fractions, bytes.length), chunkBytes };

            const read = await readInPieces(textLines({ encoding: label }), bytes, options);

            // A mark of the other order decides, as in the standard's "decode"; TextDecoder does not do that.
            const isOther =
              bytes.length >= 2 && bytes.readUInt16LE(0) === (label === 'utf-16le' ? 0xfffe : 0xfeff);
            fc.pre(!isOther);
            expect(endingAlike(read.records)).toEqual(endingAlike(decodedLines(bytes, label)));
            expect(read.unitsRead).toBe(bytes.length);
            expect([...read.offsets].sort((a, b) => a - b)).toEqual(read.offsets);
          },
        ),
        PROPERTY_RUNS,
      );
    },
  );

  it('reads a file wherever it is cut', async () => {
    const text = '\ufeffone\r\n\r\nਊ\n\u0a00\u0d0a\ntwo 😀\rਊ\n\nlast';
    for (const order of ['LE', 'BE']) {
      const bytes = Buffer.from(text, 'utf16le');
      if (order === 'BE') bytes.swap16();
      for (let first = 0; first <= bytes.length; first += 1) {
        for (const second of [first, first + 1, first + 2, first + 7]) {
          const cuts = [first, Math.min(second, bytes.length)];
          const read = await readInPieces(textLines(), bytes, { cuts, chunkBytes: 5 });

          expect(read.records).toEqual(['one', '', 'ਊ', '\u0a00\u0d0a', 'two 😀\rਊ', '', 'last']);
          expect(read.offsets).toEqual([0, 12, 16, 20, 26, 44, 46]);
          expect(read.unitsRead).toBe(bytes.length);
          expect(read.counts).toEqual({});
        }
      }
    }
  });

  it('decodes several blocks of long lines', async () => {
    const lines = [1, 100, 30_000, 5, 70_000, 0, 3].map((length) => '漢'.repeat(length));
    const bytes = Buffer.from(`\ufeff${lines.join('\n')}`, 'utf16le');

    for (const chunkBytes of [9_999, 65_536, 1 << 20]) {
      expect((await readSource(textLines(), bytes, { chunkBytes })).records).toEqual(lines);
    }
  });

  it('loses no line of a file that was truncated at any byte, without a count', async () => {
    const whole = Buffer.from('\ufeffab\n😀c\n', 'utf16le');
    for (let size = 2; size < whole.length; size += 1) {
      const bytes = whole.subarray(0, size);

      const read = await readSource(textLines(), bytes, { chunkBytes: 3 });

      const isWhole = size % 2 === 0 && bytes.toString('utf16le').isWellFormed();
      expect(endingAlike(read.records)).toEqual(endingAlike(decodedLines(bytes, 'utf-16le')));
      expect(read.counts).toEqual(isWhole ? {} : { 'lines not valid UTF-16LE': 1 });
      expect(read.unitsRead).toBe(size);
    }
  });

  it('accepts a line of exactly the bound, in bytes', async () => {
    const bytes = Buffer.from('abcde\r\nabcde\n', 'utf16le');
    const source = textLines({ encoding: 'utf-16le' });

    for (const chunkBytes of [1, 4, 100]) {
      const read = await readSource(source, bytes, { chunkBytes, recordBytesMax: 10 });
      expect(read.records).toEqual(['abcde', 'abcde']);
      await expect(readSource(source, bytes, { chunkBytes, recordBytesMax: 9 })).rejects.toMatchObject({
        name: 'RecordTooLargeError',
        details: { offsetBytes: 0 },
      });
    }
  });
});

describe.each(ENCODINGS)('textLines() in %s', (label) => {
  const strict = new TextDecoder(label, { fatal: true });
  const randomBytes = fc
    .array(
      fc.oneof(
        { weight: 2, arbitrary: fc.constantFrom([0x0a], [0x0d, 0x0a], [0x61], [0x30]) },
        {
          weight: 2,
          arbitrary: fc.tuple(fc.integer({ min: 0x80, max: 0xff }), fc.integer({ min: 0x30, max: 0xfe })),
        },
      ),
      { maxLength: 30, size: 'max' },
    )
    .map((parts) => Buffer.from(parts.flat()))
    .filter((bytes) => textLines({ encoding: label }).look?.(bytes) === undefined);

  it('reads what TextDecoder reads, and counts what is not valid, for all cuts', async () => {
    let valid = 0;
    await fc.assert(
      fc.asyncProperty(
        randomBytes,
        randomCuts,
        fc.integer({ min: 1, max: 30 }),
        async (bytes, fractions, chunkBytes) => {
          const source = textLines({ encoding: label });
          const cuts = cutsOf(fractions, bytes.length);

          const read = await readInPieces(source, bytes, { cuts, chunkBytes });
          const skipped = await readInPieces(textLines({ encoding: label, invalid: 'bad' }), bytes, {
            cuts,
            chunkBytes,
            skip: 100,
          });

          const invalid = invalidLines(bytes, label);
          if (invalid === 0) {
            valid += 1;
            strict.decode(bytes);
          }
          expect(read.records).toEqual(decodedLines(bytes, label));
          expect(read.unitsRead).toBe(bytes.length);
          expect(sum(read.counts)).toBe(invalid);
          expect(skipped.bad.length).toBe(invalid);
          expect(skipped.records.length).toBe(read.records.length - invalid);
          expect(skipped.unitsRead).toBe(bytes.length);
        },
      ),
      PROPERTY_RUNS,
    );
    expect(valid).toBeGreaterThan(0);
  });
});

describe('a file of which one bit was flipped', () => {
  const text = 'zürich\r\n漢字 😀\n\nend';
  it.each([
    ['utf-8', Buffer.from(text)],
    ['utf-16le', Buffer.from(text, 'utf16le')],
    ['utf-16be', Buffer.from(text, 'utf16le').swap16()],
    ['shift_jis', Buffer.from('93fa967b0d0a8abf0a0a93fa', 'hex')],
  ])('is read in %s as TextDecoder reads it, and what is not valid is counted', async (encoding, bytes) => {
    for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3]! ^= 1 << (bit & 7);

      const read = await readInPieces(textLines({ encoding }), damaged, { cuts: [5, 12], chunkBytes: 4 });

      expect(read.records).toEqual(decodedLines(damaged, encoding));
      expect(sum(read.counts)).toBe(read.records.filter((line) => line.includes('\ufffd')).length);
      expect(read.unitsRead).toBe(damaged.length);
    }
  });
});

describe('textLines() in UTF-8', () => {
  it('counts the lines that are not valid, or makes each of them a bad record', async () => {
    await fc.assert(
      fc.asyncProperty(
        randomText,
        randomCuts,
        fc.integer({ min: 1, max: 40 }),
        async (bytes, fractions, chunkBytes) => {
          const options = { cuts: cutsOf(fractions, bytes.length), chunkBytes, skip: 100 };
          const isInvalid = (text: string) => text.includes('\ufffd');

          const read = await readInPieces(textLines(), bytes, options);
          const checked = await readInPieces(textLines({ invalid: 'bad' }), bytes, options);

          const lines = naiveLines(bytes);
          const invalid = lines.filter(({ text }) => isInvalid(text));
          expect(read.records).toEqual(lines.map(({ text }) => text));
          expect(sum(read.counts)).toBe(invalid.length);
          expect(checked.records).toEqual(
            lines.filter(({ text }) => !isInvalid(text)).map(({ text }) => text),
          );
          expect(checked.bad.map(({ offset }) => offset)).toEqual(
            invalid.map(({ offsetBytes }) => offsetBytes),
          );
          expect(checked.unitsRead).toBe(bytes.length);
        },
      ),
      PROPERTY_RUNS,
    );
  });

  it('says which line is not valid, and what to do', async () => {
    const bytes = Buffer.from('ok\nz\xfcrich\nok', 'latin1');

    await expect(readSource(textLines({ invalid: 'bad' }), bytes)).rejects.toThrow(
      /byte 3: the line is not valid UTF-8: it reads "z\ufffdrich"\. If the file has another encoding, name it, for example textLines\(\{ encoding: 'windows-1252' \}\)/,
    );
    const { bad } = await readSource(textLines({ invalid: 'bad' }), bytes, { skip: 1 });
    expect(bad).toMatchObject([{ offset: 3, line: 2 }]);
  });
});

describe('a byte order mark', () => {
  const text = 'zürich\n漢字\n';
  const lines = ['zürich', '漢字'];
  const utf8 = Buffer.from(`\ufeff${text}`);
  const le = Buffer.from(`\ufeff${text}`, 'utf16le');
  const be = Buffer.from(le).swap16();

  it.each([
    ['utf8', 'UTF-8', utf8],
    ['utf8', 'UTF-16LE', le],
    ['utf8', 'UTF-16BE', be],
    ['windows-1252', 'UTF-8', utf8],
    ['shift_jis', 'UTF-16LE', le],
    ['utf-16le', 'UTF-16BE', be],
    ['utf-16be', 'UTF-8', utf8],
  ])('decides with encoding %s that a file is %s', async (encoding, _, bytes) => {
    const read = await readInPieces(textLines({ encoding }), bytes, { cuts: [10], chunkBytes: 4 });

    expect(read).toMatchObject({ records: lines, counts: {}, unitsRead: bytes.length });
  });

  it('is nothing special in latin1', async () => {
    expect(textLines({ encoding: 'latin1' }).look?.(le)).toBeUndefined();
  });

  it('of UTF-32 is left to the engine, which refuses it', () => {
    expect(textLines().look?.(Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]))).toBeUndefined();
  });

  it('alone is a file without lines', async () => {
    for (const size of [3, 2]) {
      const mark = size === 3 ? utf8.subarray(0, 3) : le.subarray(0, 2);
      expect(await readSource(textLines(), mark)).toMatchObject({ records: [], unitsRead: size });
    }
  });
});
