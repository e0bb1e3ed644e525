import { expect, it } from 'vitest';
import { inputFacts } from '../../src/report/input-facts.ts';

it('the input is one line, and one more for each named input', () => {
  const all = { files: 3, bytes: 2_000, splits: 2 };
  const inputs = [
    { name: 'users', files: 1, bytes: 500, splits: 1 },
    { name: 'events', files: 2, bytes: 1_500, splits: 1 },
  ];

  expect(inputFacts(all)).toEqual([['input', '3 files, 2.00 kB, 2 splits']]);
  expect(inputFacts({ ...all, inputs })).toEqual([
    ['input', '3 files, 2.00 kB, 2 splits'],
    ['input users', '1 file, 500 B, 1 split'],
    ['input events', '2 files, 1.50 kB, 1 split'],
  ]);
});
