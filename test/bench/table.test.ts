import { describe, expect, test } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatRate,
  formatRatio,
  formatSeconds,
  formatTable,
} from '../../bench/table.ts';

describe('table', () => {
  test('aligns names to the left and numbers to the right', () => {
    const text = formatTable(
      ['', 'wall s'],
      [
        ['mapreduce', '7.12'],
        ['awk', '20.7'],
      ],
    );

    expect(text.split('\n')).toEqual([
      '           wall s',
      '---------  ------',
      'mapreduce    7.12',
      'awk          20.7',
    ]);
  });

  test.each([
    [91, '0.091'],
    [912, '0.91'],
    [9_120, '9.12'],
    [91_200, '91.2'],
    [129_512, '130'],
  ])('prints %d ms as %s s', (ms, text) => {
    expect(formatSeconds(ms)).toBe(text);
  });

  test('prints counts as thousands and millions', () => {
    expect([812, 81_200, 8_120_000, 812_000_000].map(formatCount)).toEqual(['812', '81 k', '8.1 M', '812 M']);
  });

  test('prints memory in MiB and rates in MB', () => {
    expect([2048, 512 << 20].map(formatBytes)).toEqual(['2 KiB', '512 MiB']);
    expect([formatRate(536_870_912, 7_100), formatRate(2048, 100)]).toEqual(['75.6', '0.020']);
  });

  test('prints an unknown ratio as a dash', () => {
    expect([0.834, 12.34, undefined].map(formatRatio)).toEqual(['0.83x', '12.3x', '-']);
  });
});
