import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BytesLine, bytesLines } from '../../../src/formats/text/bytes-lines.ts';
import { naiveLines, randomCuts, randomText } from '../line-oracle.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { readInPieces, readSource } from '../read-source.ts';

/** Copies the line, and then overwrites it, as a later chunk would. */
function keepAndWipe(line: BytesLine): string {
  const text = line.copy().toString('latin1');
  line.bytes.fill(0xee, line.start, line.end);
  return text;
}

/** The naive splitter knows the mark only in UTF-8. */
function expectedLines(bytes: Buffer) {
  const lines = naiveLines(bytes, 'latin1');
  const [first] = lines;
  if (first === undefined || !first.text.startsWith('\xef\xbb\xbf')) return lines;
  const text = first.text.slice(3);
  const isMarkAlone = text === '' && bytes.length === 3;
  return isMarkAlone ? [] : [{ ...first, text }, ...lines.slice(1)];
}

describe('bytesLines()', () => {
  it('delivers the lines of a naive split, for random text, cuts and chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        randomText,
        randomCuts,
        fc.integer({ min: 1, max: 60 }),
        async (bytes, fractions, chunkBytes) => {
          const cuts = fractions.map((fraction) => Math.floor(fraction * bytes.length)).sort((a, b) => a - b);

          const read = await readInPieces(bytesLines(), bytes, { cuts, chunkBytes }, keepAndWipe);

          const expected = expectedLines(bytes);
          expect(read.records).toEqual(expected.map(({ text }) => text));
          expect(read.offsets).toEqual(expected.map(({ offsetBytes }) => offsetBytes));
          expect(read.unitsRead).toBe(bytes.length);
        },
      ),
      PROPERTY_RUNS,
    );
  });

  it('delivers the same wherever a small file is cut', async () => {
    const bytes = Buffer.from('\ufeffone\r\n\r\n\ntwo\r\rthree\r\nfour\n\nlast\r');
    const expected = expectedLines(bytes).map(({ text }) => text);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      for (const chunkBytes of [1, 2, 3, 5, 100]) {
        const read = await readInPieces(bytesLines(), bytes, { cuts: [cut], chunkBytes }, keepAndWipe);

        expect(read.records).toEqual(expected);
      }
    }
  });

  it('finds the same lines however long the lines before them are, at every alignment', async () => {
    const lengths = [...Array.from({ length: 40 }, (_, i) => i), 5_000, 3, 70_000, 200, 0, 1, 300, 300, 2];
    const text = [...lengths, ...lengths].map(
      (length, index) => `${'x'.repeat(length)}${index % 3 ? '\n' : '\r\n'}`,
    );
    const bytes = Buffer.from(text.join(''));
    const expected = expectedLines(bytes);
    for (const chunkBytes of [1_000, 4_097, 65_538, 99_999, 1 << 20]) {
      const read = await readSource(bytesLines(), bytes, { chunkBytes }, keepAndWipe);

      expect(read.records).toEqual(expected.map((line) => line.text));
      expect(read.offsets).toEqual(expected.map((line) => line.offsetBytes));
    }
  });

  it('reports where a line starts after map threw', async () => {
    const reader = bytesLines().read({
      file: 'memory',
      startBytes: 0,
      endBytes: Number.POSITIVE_INFINITY,
      look: undefined,
      recordBytesMax: 100,
      async *chunks() {
        yield Buffer.from('\ufeffok\ngöd\nbad\nok\n');
      },
      range: async () => Buffer.alloc(0),
      bad() {},
      count() {},
    });

    const reading = (async () => {
      for await (const batch of reader) {
        batch.forEach((line) => {
          if (line.text() === 'bad') throw new Error('boom');
        });
      }
    })();

    await expect(reading).rejects.toThrow('boom');
    expect(reader.offset()).toBe(11);
  });

  it('refuses a line longer than the bound', async () => {
    await expect(
      readSource(bytesLines(), Buffer.from('abc\n0123456789a\n'), { recordBytesMax: 10 }),
    ).rejects.toMatchObject({ name: 'RecordTooLargeError', details: { offsetBytes: 4 } });
  });
});

describe('a line of bytesLines()', () => {
  async function ofLine<T>(content: string, use: (line: BytesLine) => T): Promise<T> {
    const bytes = Buffer.from(`before;;\n${content}\nafter;;\n`);
    const { records } = await readSource(bytesLines(), bytes, {}, (line) => {
      return line.text().startsWith('before') || line.text().startsWith('after') ? undefined : [use(line)];
    });
    return records.find((record) => record !== undefined)![0]!;
  }

  it('has the length, the text and the parts of the line only', async () => {
    const seen = await ofLine('zü;é and more than twelve', (line) => ({
      length: line.length,
      text: line.text(),
      part: line.text(4),
      end: line.text(-2),
      beyond: line.text(2, 100),
      none: line.text(3, 1),
      empty: line.text(1, 0),
      bytes: line.subarray(0, 1).toString(),
      at: line.bytes[line.start],
    }));

    expect(seen).toEqual({
      length: 27,
      text: 'zü;é and more than twelve',
      part: 'é and more than twelve',
      end: 've',
      beyond: '\ufffd;é and more than twelve',
      none: '',
      empty: '',
      bytes: 'z',
      at: 0x7a,
    });
  });

  it.each([10, 1_000])('searches the line only, if it has about %i bytes', async (size) => {
    const seen = await ofLine(`a,b${'.'.repeat(size)}`, (line) => [
      line.indexOf(0x2c),
      line.indexOf(0x2c, 2),
      line.indexOf(0x3b),
      line.indexOf(Buffer.from('b.')),
      line.indexOf(Buffer.from(';;')),
      line.indexOf(0x61, 5_000),
      line.indexOf(0x2e, -1),
    ]);

    expect(seen).toEqual([1, -1, -1, 2, -1, -1, size + 2]);
  });

  it('is equal to the same bytes only', async () => {
    const seen = await ofLine('abc', (line) =>
      ['abc', 'abd', 'ab', 'abcd', ''].map((other) => line.equals(Buffer.from(other))),
    );

    expect(seen).toEqual([true, false, false, false, false]);
  });

  it('can be kept as a copy', async () => {
    const { records } = await readSource(bytesLines(), Buffer.from('a\nbc\n'), { chunkBytes: 2 }, (line) => [
      line.copy(),
      line.copy(1),
    ]);

    expect(records.flat().map(String)).toEqual(['a', '', 'bc', 'c']);
  });
});
