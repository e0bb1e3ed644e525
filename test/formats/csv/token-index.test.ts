import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenIndex } from '../../../src/formats/csv/token-index.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';

test('finds the same delimiters and line ends as a loop over the bytes', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(',', ';', '|', '\t', ' ', '~'),
      fc.array(
        fc.oneof(
          fc.constantFrom(...Buffer.from(',;|\t ~\n\r"\v\x00\x7f')),
          fc.constantFrom(0x8a, 0x89, 0xac, 0xff, 0x80),
          fc.integer({ min: 0, max: 255 }),
        ),
        { maxLength: 200 },
      ),
      fc.nat(200),
      fc.nat(200),
      fc.nat(7),
      (delimiter, values, from, to, shift) => {
        const bytes = Buffer.from([...Buffer.alloc(shift), ...values]).subarray(shift);
        const start = Math.min(from, to, bytes.length);
        const end = Math.min(Math.max(from, to), bytes.length);
        const index = new TokenIndex(delimiter.charCodeAt(0));
        index.use(bytes);

        index.find(start, end);

        const places = [...bytes.keys()].filter(
          (at) => at >= start && at < end && (bytes[at] === 0x0a || bytes[at] === delimiter.charCodeAt(0)),
        );
        const lines = [...places.keys()].filter((i) => bytes[places[i]!] === 0x0a);
        expect([...index.places.subarray(0, places.length)]).toEqual(places);
        expect([...index.lines.subarray(0, index.lineCount)]).toEqual(lines);
      },
    ),
    PROPERTY_RUNS,
  );
});
