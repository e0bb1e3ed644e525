import { expect, test } from 'vitest';
import { linesOf, runApp } from '../run-app.ts';
import { shell } from '../shell.ts';

async function run(
  points: number,
  options: { workers?: 'sequential' } = {},
): Promise<Record<string, string>> {
  const { text } = await runApp('pi', { inputs: [], params: { points: String(points) }, ...options });
  return Object.fromEntries(linesOf(text).map((line) => line.split('\t')));
}

// "Estimated value of Pi is ..." in logs of Hadoop's example `pi <maps> <points of each>`, which uses the same sequence.
test.each([
  ['5 5', 25, '3.68'],
  ['4 100', 400, '3.17'],
  ['10 100', 1_000, '3.148'],
  ['16 1000', 16_000, '3.1425'],
  ['16 100000', 1_600_000, '3.141575'],
])('estimates like pi %s of Hadoop', async (_arguments, points, pi) => {
  expect(await run(points)).toMatchObject({ points: String(points), pi });
});

test('agrees with exact fractions in Python', async () => {
  const points = 20_000;
  const inside = shell(
    `python3 -c '
from fractions import Fraction

def mirrored(index, base):
    result, weight = Fraction(0), Fraction(1)
    while index:
        weight /= base
        index, digit = divmod(index, base)
        result += digit * weight
    return result

half = Fraction(1, 2)
print(sum((mirrored(i, 2) - half) ** 2 + (mirrored(i, 3) - half) ** 2 <= half**2 for i in range(1, ${points} + 1)))'`,
  );

  expect((await run(points)).inside).toBe(inside.trim());
});

test('gives the same result sequentially', async () => {
  expect(await run(12_345, { workers: 'sequential' })).toEqual(await run(12_345));
});
