import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wordsOf } from '../../../src/index.ts';

function naiveWords(line: string, letterCase: 'lower' | 'keep'): string[] {
  const words = line.match(/\p{L}+/gu) ?? [];
  return letterCase === 'lower' ? words.map((word) => word.toLowerCase()) : [...words];
}

/**
 * Characters at the limits of letters and cases: neighbours of A-Z and a-z, marks, other cases, other planes, broken
 * text.
 */
const SPECIAL = [
  ...['@', '[', '`', '{', ' ', '\t', "'", '-', '_', '0', '9', '\0', '\u007f', '\u0080'],
  ...['A', 'Z', 'a', 'z', 'K', 'i', 'I', 'ª', 'µ', 'ß', 'É', 'é', 'Ÿ', '×', '÷'],
  ...['İ', 'ı', 'ſ', '\u212a', '\u212b', 'Ǆ', 'ǅ', 'ǆ', 'Σ', 'σ', 'ς', 'Ο', 'ẞ', 'ﬁ'],
  ...['\u0301', '\u0307', '\u0345', '\u00ad', '\u200d', '\u2019', '\ufeff', '\ufffd', '\u00a0', '\u2028'],
  ...['𐐔', '𐐼', '𝒜', '𠀀', '😀', '\ud801', '\udc14', '字', 'あ', 'ก', 'ำ', 'א', 'ﷺ', 'Ⅷ', '²', '٣'],
];

const line = fc.oneof(
  fc.string({ unit: fc.constantFrom(...SPECIAL), maxLength: 24 }),
  fc.string({ unit: 'binary-ascii', maxLength: 80 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  // Mostly ASCII, like real text.
  fc.string({
    unit: fc.oneof(
      { weight: 20, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 1 }) },
      fc.constantFrom(...SPECIAL),
    ),
    maxLength: 60,
  }),
);

test.each(['lower', 'keep'] as const)(
  'finds the same words in any line as the plain regular expression (%s)',
  (letterCase) => {
    fc.assert(
      fc.property(line, (text) => {
        expect([...wordsOf(text, letterCase)]).toEqual(naiveWords(text, letterCase));
      }),
      { numRuns: 5_000 },
    );
  },
);

test('treats every character of Unicode like the plain expression, alone and between letters', () => {
  const wrong: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    const text = `${character} aB${character}Cd`;
    for (const letterCase of ['lower', 'keep'] as const) {
      const words = [...wordsOf(text, letterCase)];
      const expected = naiveWords(text, letterCase);
      if (words.join('|') !== expected.join('|')) wrong.push(`U+${code.toString(16)}`);
    }
  }

  expect(wrong).toEqual([]);
});

test.each([
  ['İstanbul', ['i\u0307stanbul']],
  ['ΟΔΟΣ ΟΔΟΣ’ΟΔΟΣ', ['οδος', 'οδος', 'οδος']],
  ["don't", ['don', 't']],
  ['x86_64', ['x']],
  ['e\u0301a', ['e', 'a']],
  ['𐐔𐐯𐑅', ['𐐼𐐯𐑅']],
  ['', []],
])('finds the words of %j', (text, words) => {
  expect([...wordsOf(text)]).toEqual(words);
});
