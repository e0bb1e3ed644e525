import { describe, expect, test } from 'vitest';
import { bothSides } from './both-stores.ts';

const NAMES = [
  ...Array.from({ length: 13 }, (_, i) => `logs/h${i}.txt`),
  ...['c/!.txt', 'c/a.txt', 'c/b.txt', 'c/sub/a.txt', 'c/sub/deep/er.txt', 'c/_hidden.txt', 'c/.dot/x.txt'],
  ...[
    'odd/[x].txt',
    'odd/a b.txt',
    'odd/(1).txt',
    'odd/é.txt',
    'odd/#.txt',
    'odd/{x}.txt',
    '2024-01/a.gz',
    '2024-02/b.gz',
  ],
  ...['e/_y', 'e/.y', 'e/b', 'e/_u/f', 'e/_u/_f', 'e/n1/f', 'e/n1/_f'],
];
const FILES = Object.fromEntries(NAMES.map((name) => [name, `${name}\n`]));
const h = (...numbers: number[]) => numbers.map((number) => `logs/h${number}.txt`).sort();

/** `undefined` means that nothing matches, which is an error. */
const TABLE: readonly (readonly [pattern: string, selects: readonly string[] | undefined])[] = [
  ['c/[!a].txt', ['c/!.txt', 'c/b.txt']],
  ['c/[^a].txt', ['c/!.txt', 'c/b.txt']],
  ['c/[a-b].txt', ['c/a.txt', 'c/b.txt']],
  ['c/[!a-b].txt', ['c/!.txt']],
  ['c/[[:alpha:]].txt', ['c/a.txt', 'c/b.txt']],
  ['logs/h{1..10}.txt', h(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)],
  ['logs/h{0..12}.txt', h(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)],
  ['logs/h{1..12..5}.txt', h(1, 6, 11)],
  ['logs/h{1,2}.txt', h(1, 2)],
  ['logs/h{1,{10..11}}.txt', h(1, 10, 11)],
  ['logs/h?.txt', h(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)],
  ['c/*', ['c/!.txt', 'c/a.txt', 'c/b.txt']],
  ['c/**/*.txt', ['c/!.txt', 'c/a.txt', 'c/b.txt', 'c/sub/a.txt', 'c/sub/deep/er.txt']],
  ['c/**', ['c/!.txt', 'c/a.txt', 'c/b.txt', 'c/sub/a.txt', 'c/sub/deep/er.txt']],
  ['c/*/*.txt', ['c/sub/a.txt']],
  ['c/s*/', ['c/sub/a.txt', 'c/sub/deep/er.txt']],
  ['c/s*', undefined],
  ['*/sub/a.txt', ['c/sub/a.txt']],
  ['**/deep/*', ['c/sub/deep/er.txt']],
  ['c/\\!.txt', ['c/!.txt']],
  ['c/[!].txt', undefined],
  ['c/!(a).txt', ['c/!.txt', 'c/b.txt']],
  ['c/@(a|b).txt', ['c/a.txt', 'c/b.txt']],
  ['c/_*', ['c/_hidden.txt']],
  ['c/.*/*', ['c/.dot/x.txt']],
  ['odd/[x].txt', ['odd/[x].txt']],
  ['odd/{x}.txt', ['odd/{x}.txt']],
  ['odd/(1).txt', ['odd/(1).txt']],
  ['odd/#.txt', ['odd/#.txt']],
  ['odd/a b.*', ['odd/a b.txt']],
  ['odd/?.txt', ['odd/#.txt', 'odd/é.txt']],
  ['2024-*/*.gz', ['2024-01/a.gz', '2024-02/b.gz']],
  ['2024-*/', ['2024-01/a.gz', '2024-02/b.gz']],
  ['{2024-01,c}/[ab].*', ['2024-01/a.gz', 'c/a.txt', 'c/b.txt']],
  ['nothing/*', undefined],
];

/** Names that start with '.' or '_' match only if the pattern writes that character. */
const HIDDEN: readonly (readonly [pattern: string, selects: readonly string[] | undefined])[] = [
  ['e/{_y,b}', ['e/_y', 'e/b']],
  ['e/{b,{_,.}y}', ['e/.y', 'e/_y', 'e/b']],
  ['e/{.,_}*', ['e/.y', 'e/_y']],
  ['e/{,_}[yb]', ['e/_y', 'e/b']],
  ['e/{_u,n1}/f', ['e/_u/f', 'e/n1/f']],
  ['e/{_u/f,n1/_f}', ['e/_u/f', 'e/n1/_f']],
  ['{e/_y,c/a.txt}', ['c/a.txt', 'e/_y']],
  ['e/\\_y', ['e/_y']],
  ['e/\\.*', ['e/.y']],
  ['e/@(_y|b)', ['e/_y', 'e/b']],
  ['e/@(@(a|_)y|b)', ['e/_y', 'e/b']],
  ['e/?(_)[yb]', ['e/_y', 'e/b']],
  ['e/?(a)_y', ['e/_y']],
  ['e/@(a|)_y', ['e/_y']],
  ['e/+(_|y)', ['e/_y']],
  ['e/*(b)*(_|y)', ['e/_y', 'e/b']],
  ['e/@(b|_u)/*', ['e/_u/f']],
  ['e/[_b]*', ['e/_y', 'e/b']],
  ['e/[]_.]y', ['e/.y', 'e/_y']],
  ['e/[\\_]y', ['e/_y']],
  ['e/@([_.]|b)*', ['e/.y', 'e/_y', 'e/b']],
  ['e/[_b]*/', ['e/_u/f']],
  ['**/[_b]', ['e/b']],
  ['**/_?', ['e/_y', 'e/n1/_f']],
  ['e/**/_f', ['e/n1/_f']],
  ['e/_*/_*', ['e/_u/_f']],
  ['e/_*/*', ['e/_u/f']],
  ['e/_*/**', ['e/_u/f']],
  ['e/*/_f', ['e/n1/_f']],
  ['e/?y', undefined],
  ['e/*y', undefined],
  ['e/[!a]y', undefined],
  ['e/[!_a]y', undefined],
  ['e/[A-z]y', undefined],
  ['e/[[:punct:]]y', undefined],
  ['e/!(b)', undefined],
  ['e/!(_y)', ['e/b']],
  ['e/!(b)_y', undefined],
  ['e/{_z,?y}', undefined],
  ['e/@(_z|?y)', undefined],
];

describe('a glob selects the same on disk and on a bucket', () => {
  test.each([...TABLE, ...HIDDEN])('%s', async (pattern, selects) => {
    for (const side of await bothSides(FILES)) {
      const found = side.select(pattern);

      if (selects === undefined) {
        await expect(found, side.name).rejects.toMatchObject({ name: 'InputNotFoundError' });
      } else {
        expect((await found).keys, side.name).toEqual(selects);
      }
    }
  });

  test.each([
    'logs/h{1..1000000000}.txt',
    `logs/${'{a,b}'.repeat(30)}`,
    'c/{0..2000}',
    `{${Array.from({ length: 2_000 }, (_, i) => `x${i}`).join()}}*`,
  ])('too many alternatives are refused at once: %.40s', async (pattern) => {
    for (const side of await bothSides({ 'c/a.txt': '' })) {
      await expect(side.select(pattern), side.name).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringContaining('expands to more than 1000 alternatives'),
      });
    }
  });

  test.each([
    ['more groups than the package takes', '*(a)'.repeat(300)],
    ['groups that take too many to spell out names', `${'+('.repeat(100)}_a${')'.repeat(100)}`],
    ['too long', 'a*'.repeat(40_000)],
  ])('%s: refused', async (_, pattern) => {
    for (const side of await bothSides({ 'c/_a': '' })) {
      await expect(side.select(`c/${pattern}`), side.name).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringContaining('is too long or has too many groups'),
      });
    }
  });

  test('many wildcards take no longer than a few', async () => {
    const name = `c/${'a'.repeat(200)}`;
    for (const side of await bothSides({ [name]: '' })) {
      const hostile = ['*a'.repeat(40), '*'.repeat(200), `${'**/'.repeat(60)}`, `+(${'a|'.repeat(20)}a)`];
      for (const pattern of hostile) {
        await expect(side.select(`c/${pattern}b`), side.name).rejects.toMatchObject({
          name: 'InputNotFoundError',
        });
      }
    }
  });

  test('nor do they if they spell out hidden names', async () => {
    const name = `c/${'_/'.repeat(20)}${'_a'.repeat(100)}`;
    const group = `${'+('.repeat(15)}_|a${')'.repeat(15)}`;
    for (const side of await bothSides({ [name]: '' })) {
      const deep = Array.from({ length: 21 }, () => `${'**/'.repeat(5)}*(_*|${group})`).join('/');
      expect((await side.select(`c/${deep}`)).keys, side.name).toEqual([name]);
      for (const pattern of [`**/${group}`, `${'**/'.repeat(60)}_*`, `${deep}b`]) {
        await expect(side.select(`c/${pattern}`), side.name).rejects.toMatchObject({
          name: 'InputNotFoundError',
        });
      }
    }
  });
});
