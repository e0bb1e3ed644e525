import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BytePair, bytePair } from '../../../src/formats/text/byte-pair.ts';
import { textLines } from '../../../src/formats/text/text-lines.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { readSource } from '../read-source.ts';

const holds = (text: Buffer, { first, second, distance }: BytePair): boolean =>
  text.some(
    (byte, at) =>
      (byte | first.bits) === first.byte &&
      at + distance < text.length &&
      (text[at + distance]! | second.bits) === second.byte,
  );

const shown = (pattern: RegExp) => {
  const pair = bytePair(pattern);
  if (pair === undefined) return undefined;
  const { first, second, distance } = pair;
  return `${String.fromCharCode(first.byte)} ${distance} ${String.fromCharCode(second.byte)}`;
};

describe('bytePair()', () => {
  test.each([
    [/z[aeiou]k[a-z]*[aeiou]/, 'z 2 k'],
    [/error/, 'r 1 r'],
    [/ab+c/, 'a 1 b'],
    [/a\.b/, '. 1 b'],
    [/^a\bb$/, 'a 1 b'],
    [/(?:xx)?q\dz/, 'q 2 z'],
    [/QZ/i, 'q 1 z'],
  ])('%s has "%s"', (pattern, pair) => {
    expect(shown(pattern)).toBe(pair);
  });

  test.each([
    [/a/],
    [/ab?/],
    [/a|bc/],
    [/a.b/],
    [/a[^x]b/],
    [/a[é]b/],
    [/(?:ab)/],
    [/a{2}/],
    [/k\x41/],
    [/ak/iu],
    [/a\wb/iu],
    [/ab/v],
    [/é漢/],
    [/(a)\1/],
  ])('%s has none', (pattern) => {
    expect(bytePair(pattern)).toBeUndefined();
  });

  test('is in every text that matches', () => {
    const piece = fc.constantFrom(
      ...[
        'a',
        'b',
        'k',
        's',
        'K',
        'ß',
        'é',
        '.',
        '\\.',
        '\\d',
        '\\w',
        '\\b',
        '[ab]',
        '[a-k]',
        '[^a]',
        '[é]',
        '[]',
        '[\\]a]',
      ],
      ...[
        '(?:ab)',
        '(b|k)',
        '(?=a)',
        '(?!k)',
        '|',
        '^',
        '$',
        ' ',
        '-',
        '/',
        '\\1',
        '\\t',
        '\\x61',
        '\\u0061',
        '[(]',
        '}',
        ']',
      ],
    );
    const quantifier = fc.constantFrom('', '', '', '', '', '+', '*', '?', '+?', '{2}', '{0,1}', '{', '{,2}');
    const source = fc
      .array(fc.tuple(piece, quantifier), { minLength: 1, maxLength: 5 })
      .map((pieces) => pieces.flat().join(''));
    const text = fc.string({
      unit: fc.constantFrom(
        'a',
        'b',
        'k',
        's',
        'A',
        'K',
        'S',
        '\u212a',
        'ſ',
        'ß',
        'é',
        '.',
        '1',
        ' ',
        '-',
        '/',
        '{',
        '2',
      ),
      maxLength: 10,
    });
    let found = 0;
    fc.assert(
      fc.property(
        source,
        fc.constantFrom('', 'i', 'u', 'iu', 'm', 's'),
        fc.array(text, { maxLength: 20 }),
        (pattern, flags, texts) => {
          let regex: RegExp;
          try {
            regex = new RegExp(pattern, flags);
          } catch {
            return;
          }
          const pair = bytePair(regex);
          if (pair === undefined) return;
          for (const each of texts) {
            if (!regex.test(each)) continue;
            found += 1;
            expect(holds(Buffer.from(each), pair)).toBe(true);
          }
        },
      ),
      { numRuns: 20 * PROPERTY_RUNS.numRuns },
    );
    expect(found).toBeGreaterThan(0);
  });

  test('chooses the same lines of larger blocks, dense or not', async () => {
    for (const every of [1, 3, 50]) {
      const lines = Array.from({ length: 20_000 }, (_, i) =>
        i % every === 0
          ? `some zek line ${i}${i % 7 === 0 ? ' é' : ''}`
          : i % 5 === 0
            ? `zzk ${i} kz`
            : `line ${i}`,
      );
      const bytes = Buffer.from(`\ufeff${lines.join('\r\n')}\nlast zok`);

      const { records } = await readSource(textLines({ matching: /z[aeo]k/ }), bytes);

      expect(records).toEqual([...lines, 'last zok'].filter((line) => /z[aeo]k/.test(line)));
    }
  });
});
