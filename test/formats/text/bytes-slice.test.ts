import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MovableSlice } from '../../../src/formats/text/bytes-slice.ts';

const RUNS = { numRuns: 2_000 };

/** The text with other bytes around it, which no method may look at. */
function sliceOf(content: string | Uint8Array): MovableSlice {
  const bytes = Buffer.from(content);
  const around = Buffer.from('a1;');
  return new MovableSlice(
    Buffer.concat([around, bytes, around]),
    around.length,
    around.length + bytes.length,
  );
}

function wordsOf(slice: MovableSlice, letterCase?: 'lower' | 'keep'): string[] {
  const words: string[] = [];
  slice.words(({ bytes, start, end }) => words.push(bytes.toString('utf8', start, end)), letterCase);
  return words;
}

describe('a slice of bytes', () => {
  test('has the fields of a split', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', ';', ';;', ''), maxLength: 12 });
    fc.assert(
      fc.property(text, (line) => {
        const fields = line.split(';');
        const slice = sliceOf(line);

        for (const [index, field] of fields.entries()) expect(slice.field(index, 0x3b)?.text()).toBe(field);
        expect(slice.field(fields.length, 0x3b)).toBeUndefined();
        expect(slice.field(fields.length + 3, 0x3b)).toBeUndefined();
      }),
      RUNS,
    );
  });

  test('has ranges of ranges, kept inside', () => {
    const slice = sliceOf('0123456789');

    expect(slice.range(2, 8).range(1, -1).text()).toBe('3456');
    expect(slice.range(-3).text()).toBe('789');
    expect(slice.range(4, 2).length).toBe(0);
    expect(slice.range(8, 100).text()).toBe('89');
    expect(slice.range(2, 8).indexOf(0x38)).toBe(-1);
  });

  test.each([
    ['0', 0],
    ['-0', -0],
    ['+7', 7],
    ['007', 7],
    ['12.', 12],
    ['.5', 0.5],
    ['-12.75', -12.75],
    ['0.1', 0.1],
    ['123456789.123456', 123456789.123456],
    ['9007199254740993', 9007199254740992],
    ['3.141592653589793238', Math.PI],
    ['1e3', 1000],
    ['-1.5E-3', -0.0015],
  ])('reads the number %s', (text, number) => {
    expect(sliceOf(text).number()).toBe(number);
  });

  test.each([
    '',
    '-',
    '+',
    '.',
    '-.',
    ' 1',
    '1 ',
    '1,5',
    '1e',
    'e3',
    '0x10',
    'NaN',
    'Infinity',
    '1_000',
    '１',
    '--1',
    '1.2.3',
  ])('reads no number in "%s"', (text) => {
    expect(sliceOf(text).number()).toBeNaN();
  });

  test('reads every number as Number() does', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 18 });
    fc.assert(
      fc.property(fc.constantFrom('', '-', '+'), digits, fc.option(digits), (sign, whole, fraction) => {
        const text = `${sign}${whole}${fraction === null ? '' : `.${fraction}`}`;
        const expected = /\d/.test(text) ? Number(text) : Number.NaN;
        expect(sliceOf(text).number()).toBe(expected);
      }),
      RUNS,
    );
  });

  test('reads a number in a part', () => {
    const slice = sliceOf('a=12;b=3.5');

    expect(slice.number(2, 4)).toBe(12);
    expect(slice.number(7)).toBe(3.5);
    expect(slice.number(5, 2)).toBeNaN();
  });

  test('has the words of a regular expression, in lower case or not', () => {
    const unit = fc.constantFrom(..."abZ '-.9_", 'é', 'É', 'Σ', 'İ', 'ß', '中', '😀', '\u0301', '\0');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
        const words = text.match(/\p{L}+/gu) ?? [];
        const slice = sliceOf(text);

        expect(wordsOf(slice, 'keep')).toEqual(words);
        expect(wordsOf(slice)).toEqual(words.map((word) => word.toLowerCase()));
      }),
      RUNS,
    );
  });

  test('has words also where its bytes are no text, and in long lines', () => {
    expect(wordsOf(sliceOf(Buffer.from([0x61, 0xff, 0x62, 0x20, 0xc3, 0x63])))).toEqual(['a', 'b', 'c']);
    expect(wordsOf(sliceOf(`${'x'.repeat(5_000)} ${'y'.repeat(70_000)}`)).map((word) => word.length)).toEqual(
      [5_000, 70_000],
    );
  });

  test('can walk over its words inside the walk', () => {
    const slice = sliceOf('one two');
    const pairs: string[] = [];

    slice.words((outer) => {
      slice.words((inner) => {
        const text = (word: typeof outer) => word.bytes.toString('utf8', word.start, word.end);
        pairs.push(`${text(outer)} ${text(inner)}`);
      });
    });

    expect(pairs).toEqual(['one one', 'one two', 'two one', 'two two']);
  });

  test('can be walked again after a visit threw', () => {
    const slice = sliceOf('one two');
    expect(() =>
      slice.words(() => {
        throw new Error('no');
      }),
    ).toThrow('no');

    expect(wordsOf(slice)).toEqual(['one', 'two']);
  });
});
