/** Values of flags: sizes, times, whole numbers, assignments. Each parser throws UsageError with the forms allowed. */
import { MapReduceError } from '../../base/errors.ts';
import { GiB, KiB, MiB } from '../../base/limits.ts';

export interface Range {
  readonly min: number;
  readonly max: number;
}

const BYTES_BY_UNIT: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kib', KiB],
  ['mib', MiB],
  ['gib', GiB],
  ['tib', 1024 * GiB],
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['tb', 1e12],
]);

/**
 * `4096`, `64KiB`, `64MiB`, `1.5GiB`; `64MB` are 64,000,000 bytes. Case does not matter, nor does a blank before the
 * unit.
 */
export function parseSizeBytes(flag: string, text: string, { min, max }: Range): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? [];
  const unitBytes = unit === undefined ? undefined : BYTES_BY_UNIT.get(unit.toLowerCase());
  if (unitBytes === undefined) {
    throw usage(
      `${flag} must be a size; received '${text}'. Write bytes (4096) or a number with its unit: 64KiB, 64MiB, 1GiB, 1TiB (powers of two), 64kB, 64MB, 1GB, 1TB (powers of ten)`,
    );
  }
  const bytes = Math.round(Number(number) * unitBytes);
  if (bytes < min || bytes > max) {
    throw usage(`${flag} must be from ${exactSize(min)} to ${exactSize(max)}; received '${text}'`);
  }
  return bytes;
}

const MS_BY_UNIT: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['min', 60_000],
  ['h', 3_600_000],
]);

/** `500ms`, `60s`, `2m` (or `2min`), `1h`. A number without a unit is ambiguous, so it is refused. */
export function parseDurationMs(flag: string, text: string, { min, max }: Range): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([a-z]+)$/i.exec(text.trim()) ?? [];
  const unitMs = unit === undefined ? undefined : MS_BY_UNIT.get(unit.toLowerCase());
  if (unitMs === undefined) {
    throw usage(
      `${flag} must be a duration; received '${text}'. Write a number with its unit: 500ms, 60s, 2m, 1h`,
    );
  }
  const ms = Math.round(Number(number) * unitMs);
  if (ms < min || ms > max)
    throw usage(`${flag} must be from ${min}ms to ${max / 3_600_000}h; received '${text}'`);
  return ms;
}

export function parseWholeNumber(flag: string, text: string, { min, max }: Range): number {
  const number = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max)) {
    throw usage(`${flag} must be a whole number from ${min} to ${max}; received '${text}'`);
  }
  return number;
}

/** `2`, `0.5` or `$0.5`. */
export function parseDollars(flag: string, text: string, max: number): number {
  const [, number] = /^\$?(\d+(?:\.\d+)?)$/.exec(text.trim()) ?? [];
  const dollars = Number(number);
  if (!(dollars > 0 && dollars <= max)) {
    throw usage(`${flag} must be US dollars above 0 and up to ${max}, such as 0.50; received '${text}'`);
  }
  return dollars;
}

/** `case=keep` of `--set case=keep`. The value may be empty and may hold '='. */
export function parseAssignment(flag: string, text: string): readonly [name: string, value: string] {
  const equals = text.indexOf('=');
  if (equals < 1) {
    throw usage(
      `${flag} takes name=value; received '${text}'${equals === 0 ? ', which has no name' : `, which has no '='. For example ${flag} ${text || 'case'}=keep`}`,
    );
  }
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** In the largest unit that is exact. */
function exactSize(bytes: number): string {
  for (const [name, unit] of [
    ['GiB', GiB],
    ['MiB', MiB],
    ['KiB', KiB],
  ] as const) {
    if (bytes > 0 && bytes % unit === 0) return `${bytes / unit}${name}`;
  }
  return `${bytes}B`;
}

function usage(message: string): MapReduceError {
  return new MapReduceError('UsageError', message);
}
