import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockPattern } from '../../../src/formats/text/line-filter.ts';
import { textLines } from '../../../src/formats/text/text-lines.ts';
import { randomCuts, randomText } from '../line-oracle.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { readInPieces, readSource } from '../read-source.ts';

const PATTERNS = [
  /a/,
  /^a/,
  /a$/,
  /^$/,
  /^/,
  /$/,
  /x*/,
  /b.*w/,
  /[^a]/,
  /[^a]*r/,
  // biome-ignore lint/correctness/noEmptyCharacterClassInRegex: users write it.
  /a[^]*w/,
  /\bbc\b/,
  /\r/,
  /\s/,
  /a\Wb/,
  /[\t-z]/,
  /é|漢/u,
  /É/iu,
  /(?:a|bc)+$/,
  /(?<word>a)\k<word>/,
  /a(?!b)/,
  /(?<!a)b/,
  /a.b/s,
  /[[a-c]--[a]]/v,
  /\ufffd/,
  /a/g,
  /^bc/m,
  /\[^a/,
  /[\]^a]/,
  /bc/,
  /bc+/i,
  /[ab]c?r/,
  /run|a/,
  /r\w[a-z]/i,
  /run of/,
];
const LITERALS = ['a', 'bc', 'é', '字', '\ufffd', '\ufeff', '', 'run of', '\u2028'];
const ENCODINGS = ['utf8', 'latin1', 'utf-16le', 'windows-1252'];

const filters: fc.Arbitrary<{ containing?: string; matching?: RegExp }> = fc
  .record(
    { containing: fc.constantFrom(...LITERALS), matching: fc.constantFrom(...PATTERNS) },
    { requiredKeys: [] },
  )
  .filter(({ containing, matching }) => containing !== undefined || matching !== undefined);

describe('textLines({ containing, matching })', () => {
  test('delivers what a filter of all lines leaves, with the same offsets', async () => {
    await fc.assert(
      fc.asyncProperty(
        randomText,
        randomCuts,
        fc.integer({ min: 1, max: 60 }),
        filters,
        fc.constantFrom(...ENCODINGS),
        async (content, fractions, chunkBytes, filter, encoding) => {
          // Text that looks like ASCII is refused as UTF-16, unless it has a byte order mark.
          const mark = encoding === 'utf-16le' ? [0xff, 0xfe] : [];
          const bytes = Buffer.concat([Buffer.from(mark), content]);
          const cuts = fractions.map((fraction) => Math.floor(fraction * bytes.length)).sort((a, b) => a - b);
          const options = { cuts, chunkBytes };
          const all = await readInPieces(textLines({ encoding }), bytes, options);
          const { containing = '', matching } = filter;
          const tester = matching && new RegExp(matching.source, matching.flags.replace('g', ''));
          const chosen = all.records.flatMap((line, index) =>
            line.includes(containing) && (tester?.test(line) ?? true) ? [[line, all.offsets[index]]] : [],
          );

          const read = await readInPieces(textLines({ encoding, ...filter }), bytes, options);

          expect(read.records.map((line, index) => [line, read.offsets[index]])).toEqual(chosen);
          expect(read.unitsRead).toBe(bytes.length);
        },
      ),
      PROPERTY_RUNS,
    );
  });

  test('asks a function with the parameters of the job', async () => {
    const source = textLines({
      containing: ({ word }) => String(word),
      matching: ({ end }) => (end === undefined ? undefined : new RegExp(`${end}$`)),
    });
    const bytes = Buffer.from('one\ntwo\ntone\n');

    expect((await readSource(source, bytes, { params: { word: 'one' } })).records).toEqual(['one', 'tone']);
    expect((await readSource(source, bytes, { params: { word: 't', end: 'o' } })).records).toEqual(['two']);
    expect((await readSource(source, bytes, { params: { word: '' } })).records).toHaveLength(3);
  });

  test('does not look whether the other lines are valid', async () => {
    const bytes = Buffer.from([0xff, 0x0a, 0x61, 0x0a, 0xff, 0x61, 0x0a]);

    const read = await readSource(textLines({ containing: 'a', invalid: 'bad' }), bytes, { skip: 9 });

    expect(read.records).toEqual(['a']);
    expect(read.bad).toMatchObject([{ offset: 4 }]);
  });

  test.each([
    [{ containing: 'a\nb' }, 'containing: "a\\nb"'],
    [{ containing: () => 7 as unknown as string }, 'containing: 7'],
    [{ matching: /a/y }, 'without the flag y'],
    [{ matching: 'a' as unknown as RegExp }, 'matching: "a"'],
  ])('refuses %o', async (options, message) => {
    await expect(readSource(textLines(options), Buffer.from('a\n'))).rejects.toThrow(message);
  });

  test('takes as long for a pattern with a class that excludes characters as its lines are long', () => {
    // In a block of many lines, such a class would run to the end of the block from each of its starts.
    const text = 'x'.repeat(40).concat('\n').repeat(1_000);

    const found = blockPattern(/x[^y]*z/)!;

    expect(found.source).toBe('x[^\\ny]*z');
    expect(found.test(text)).toBe(false);
  });
});
