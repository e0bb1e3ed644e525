import { checkJson } from './json-check.ts';

/** Converts the value to JSON text from which JSON.parse makes the same value, -0 included. Throws UnencodableValueError. */
export function jsonText(value: unknown, codec: string): string {
  const hasNegativeZero = checkJson(value, codec);
  return hasNegativeZero ? textWithNegativeZeros(value) : JSON.stringify(value);
}

/** The value must have passed checkJson(). */
function textWithNegativeZeros(value: unknown): string {
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(textWithNegativeZeros).join(',')}]`;
  const entries = Object.entries(value).map(
    ([name, entry]) => `${JSON.stringify(name)}:${textWithNegativeZeros(entry)}`,
  );
  return `{${entries.join(',')}}`;
}
