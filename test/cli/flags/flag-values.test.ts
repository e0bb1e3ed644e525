import { describe, expect, test } from 'vitest';
import { GiB, KiB, MiB } from '../../../src/base/limits.ts';
import {
  parseAssignment,
  parseDollars,
  parseDurationMs,
  parseSizeBytes,
  parseWholeNumber,
} from '../../../src/cli/flags/flag-values.ts';

const ANY = { min: 0, max: Number.MAX_SAFE_INTEGER };

describe('sizes', () => {
  test.each([
    ['4096', 4096],
    ['0', 0],
    ['12B', 12],
    ['64KiB', 64 * KiB],
    ['64MiB', 64 * MiB],
    ['1GiB', GiB],
    ['1.5GiB', 1.5 * GiB],
    ['64mib', 64 * MiB],
    ['64 MiB', 64 * MiB],
    [' 64MiB ', 64 * MiB],
    ['64kB', 64_000],
    ['64MB', 64_000_000],
    ['1GB', 1_000_000_000],
  ])('reads the size %s', (text, bytes) => {
    expect(parseSizeBytes('--memory', text, ANY)).toBe(bytes);
  });

  test.each([
    '',
    'MiB',
    '64M',
    '64XB',
    '64constructor',
    '-1',
    '1e6',
    '0x10',
    '64MiBs',
    '1,5GiB',
    '64 000',
    '.5GiB',
    'Infinity',
  ])("rejects '%s', and shows the allowed forms", (text) => {
    expect(() => parseSizeBytes('--memory', text, ANY)).toThrow(
      `--memory must be a size; received '${text}'. Write bytes (4096) or a number with its unit: 64KiB, 64MiB, 1GiB, 1TiB (powers of two), 64kB, 64MB, 1GB, 1TB (powers of ten)`,
    );
  });

  test('rejects a size outside the bounds, and names the bounds', () => {
    const bounds = { min: 32 * MiB, max: 8 * GiB };

    expect(() => parseSizeBytes('--memory', '1KiB', bounds)).toThrow(
      "--memory must be from 32MiB to 8GiB; received '1KiB'",
    );
    expect(() => parseSizeBytes('--memory', '9GiB', bounds)).toThrow("to 8GiB; received '9GiB'");
    expect(() => parseSizeBytes('--split-size', '0', { min: 1, max: 5 * GiB })).toThrow(
      "--split-size must be from 1B to 5GiB; received '0'",
    );
  });
});

describe('times', () => {
  test('rejects a unit with the name of a property that every object has', () => {
    expect(() => parseDurationMs('--stall-timeout', '5constructor', ANY)).toThrow(
      "--stall-timeout must be a duration; received '5constructor'",
    );
  });

  test.each([
    ['500ms', 500],
    ['60s', 60_000],
    ['1.5s', 1_500],
    ['2m', 120_000],
    ['2min', 120_000],
    ['1h', 3_600_000],
    ['1 H', 3_600_000],
  ])('reads the time %s', (text, ms) => {
    expect(parseDurationMs('--stall-timeout', text, ANY)).toBe(ms);
  });

  test.each(['', '60', 's', '-1s', '1d', '1s2', '1m30s'])(
    "rejects '%s', and shows the allowed forms",
    (text) => {
      expect(() => parseDurationMs('--stall-timeout', text, ANY)).toThrow(
        `--stall-timeout must be a duration; received '${text}'. Write a number with its unit: 500ms, 60s, 2m, 1h`,
      );
    },
  );

  test('rejects a time outside the bounds, and names the bounds', () => {
    const bounds = { min: 1, max: 24 * 3_600_000 };

    expect(() => parseDurationMs('--stall-timeout', '0s', bounds)).toThrow(
      "must be from 1ms to 24h; received '0s'",
    );
    expect(() => parseDurationMs('--stall-timeout', '25h', bounds)).toThrow("received '25h'");
  });
});

describe('whole numbers', () => {
  test('accepts the bounds themselves', () => {
    expect(parseWholeNumber('--workers', '1', { min: 1, max: 256 })).toBe(1);
    expect(parseWholeNumber('--workers', '256', { min: 1, max: 256 })).toBe(256);
  });

  test.each(['0', '257', '-1', '2.5', '1e2', 'two', '', '99999999999999999999'])("rejects '%s'", (text) => {
    expect(() => parseWholeNumber('--workers', text, { min: 1, max: 256 })).toThrow(
      `--workers must be a whole number from 1 to 256; received '${text}'`,
    );
  });
});

describe('dollars', () => {
  test.each([
    ['2', 2],
    ['0.5', 0.5],
    ['$12.40', 12.4],
  ])('reads %s', (text, dollars) => {
    expect(parseDollars('--max-dollars', text, 100)).toBe(dollars);
  });

  test.each(['0', '101', '-1', '2 dollars', '1e1', ''])("rejects '%s'", (text) => {
    expect(() => parseDollars('--max-dollars', text, 100)).toThrow(
      `--max-dollars must be US dollars above 0 and up to 100, such as 0.50; received '${text}'`,
    );
  });
});

describe('assignments', () => {
  test.each([
    ['case=keep', ['case', 'keep']],
    ['pattern=a=b', ['pattern', 'a=b']],
    ['pattern=', ['pattern', '']],
  ])('reads %s', (text, pair) => {
    expect(parseAssignment('--set', text)).toEqual(pair);
  });

  test("rejects text without '=' or without a name", () => {
    expect(() => parseAssignment('--set', 'case')).toThrow(
      "--set takes name=value; received 'case', which has no '='. For example --set case=keep",
    );
    expect(() => parseAssignment('--set', '=keep')).toThrow("received '=keep', which has no name");
    expect(() => parseAssignment('--set', '')).toThrow("received '', which has no '='");
  });
});
