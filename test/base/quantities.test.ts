import { expect, test } from 'vitest';
import {
  formatByteRate,
  formatBytes,
  formatCount,
  formatCountOf,
  formatDuration,
  formatRecordRate,
  formatSeconds,
} from '../../src/base/quantities.ts';

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [1_234_567, '1,234,567'],
])('the count %d', (count, text) => {
  expect(formatCount(count)).toBe(text);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [9_994, '9.99 kB'],
  [9_996, '10.0 kB'],
  [99_960, '100 kB'],
  [999_499, '999 kB'],
  [999_500, '1.00 MB'],
  [64 * 1024 * 1024, '67.1 MB'],
  [5e18, '5000 PB'],
])('%d bytes', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, '0 ms'],
  [87.4, '87 ms'],
  [999.4, '999 ms'],
  [999.6, '1.00 s'],
  [9_994, '9.99 s'],
  [9_996, '10.0 s'],
  [59_940, '59.9 s'],
  [59_960, '1 min 0 s'],
  [125_000, '2 min 5 s'],
  [3_600_000, '1 h 0 min'],
  [3_720_000, '1 h 2 min'],
])('%d ms', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('estimates are in whole seconds, and at least one', () => {
  expect([0, 1, 1_001, 41_500, 125_000].map(formatSeconds)).toEqual([
    '1 s',
    '1 s',
    '2 s',
    '42 s',
    '2 min 5 s',
  ]);
});

test('rates carry their unit', () => {
  expect(formatRecordRate(1_250_000)).toBe('1.25 M records/s');
  expect(formatRecordRate(12)).toBe('12 records/s');
  expect(formatByteRate(83_400_000)).toBe('83.4 MB/s');
});

test('nouns are singular for one and plural otherwise', () => {
  expect([0, 1, 2_000].map((count) => formatCountOf(count, 'file'))).toEqual([
    '0 files',
    '1 file',
    '2,000 files',
  ]);
});
