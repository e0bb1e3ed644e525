import { expect, it } from 'vitest';
import { describeS3Overhead, isWithinBounds, type OverheadResult } from '../../bench/s3/overhead.ts';

const spreadOf = (median: number) => ({ median, min: median - 0.5, max: median + 0.5 });

const RESULT: OverheadResult = {
  name: 'sort',
  inputBytes: 512 * 2 ** 20,
  maps: 8,
  reducers: 4,
  requests: { GetObject: 62, PutObject: 14 },
  files: { cpuSecondsPerGib: spreadOf(8), wallMs: spreadOf(5_000) },
  s3: { cpuSecondsPerGib: spreadOf(12), wallMs: spreadOf(9_000) },
  ratio: 1.5,
  ratioMax: 1.6,
  isEqual: true,
};

it('prints CPU seconds per GiB of both stores, their ratio and the requests', () => {
  expect(describeS3Overhead([RESULT]).split('\n').slice(2)).toEqual([
    'sort  512 MiB  8 x 4  8.00 (7.50-8.50)    5.00  12.00 (11.50-12.50)    9.00  1.50x (at most 1.6)    equal',
    'sort, requests: 62 GetObject, 14 PutObject',
  ]);
});

it('fails if the ratio is too high or the results differ', () => {
  expect(isWithinBounds(RESULT)).toBe(true);
  expect(isWithinBounds({ ...RESULT, ratio: 1.61 })).toBe(false);
  expect(isWithinBounds({ ...RESULT, isEqual: false })).toBe(false);
});
