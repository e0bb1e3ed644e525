/** Compares csv() with csv-parse, an independent parser. */
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csv } from '../../../src/formats/csv/csv.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { anyBytes, anyFile, read, SKIP_ALL } from './read-csv.ts';

/** All rows, or undefined if the parser refuses the text. */
function independent(text: string | Buffer, delimiter = ','): string[][] | undefined {
  try {
    return parse(text, {
      bom: true,
      delimiter,
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
    });
  } catch {
    return undefined;
  }
}

/** RFC 4180's rules and the edges of them. */
const NASTY: readonly string[] = [
  'aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n',
  'aaa,bbb,ccc\r\nzzz,yyy,xxx',
  'aaa,bbb,ccc\n',
  '"aaa","bbb","ccc"\r\nzzz,yyy,xxx',
  '"aaa","b\r\nbb","ccc"\r\nzzz,yyy,xxx',
  '"aaa","b""bb","ccc"\r\n',
  'a b, c ,d\n',
  ',,\n,,\n',
  '"",""\n"",""',
  'a,\n,b\n',
  'a,"b,c",d\n',
  '"""a""","""",""""""\n',
  '"a\n\n\nb",c\n',
  '"a\rb",c\r\n',
  'é,漢,😀\n"é""é",漢\n漢,"\n"',
  '\ufeffa,b\n1,2\n',
  '\ufeff"a",b\n1,2\n',
  'a\tb,c\td\n',
  "'a,b','c'\n",
  'a;b\n1;2\n',
  '1,2\r\n3,4\n5,6\r\n',
  'one\ntwo\nthree',
  '"one"\n"two\nlines"\n',
  '\0,\x01\n',
];

describe('nasty files', () => {
  for (const text of NASTY) {
    it(`reads ${JSON.stringify(text)} as csv-parse does`, async () => {
      const { records, bad } = await read(csv({ header: false }), text);

      expect(bad).toEqual([]);
      expect(records).toEqual(independent(text));
    });
  }
});

it('any well-formed file gives the rows from which it was made', async () => {
  await fc.assert(
    fc.asyncProperty(anyFile, fc.integer({ min: 1, max: 80 }), async ({ rows, bytes }, chunkBytes) => {
      const { records, bad, unitsRead } = await read(csv(), bytes, { ...SKIP_ALL, chunkBytes });

      expect(bad).toEqual([]);
      expect(records).toEqual(rows.map((row) => Object.fromEntries(row.map((cell, i) => [`c${i}`, cell]))));
      expect(unitsRead).toBe(bytes.length);
    }),
    PROPERTY_RUNS,
  );
});

it('any bytes give the rows that csv-parse finds, or a message where it refuses them', async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(anyBytes, async (bytes) => {
      const theirs = independent(bytes);
      const ours = await read(csv({ header: false }), bytes);

      if (theirs === undefined) {
        expect(ours.bad.length).toBeGreaterThan(0);
      } else if (ours.bad.length === 0) {
        accepted += 1;
        expect(ours.records).toEqual(theirs);
      }
    }),
    PROPERTY_RUNS,
  );
  expect(accepted).toBeGreaterThan(PROPERTY_RUNS.numRuns / 10);
});

it('long fields, few of them quoted, give the rows that csv-parse finds, in blocks and chunks of any size', async () => {
  const anyField = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('some longer text', 'another field', 'the third, quoted', '') },
    { weight: 1, arbitrary: fc.constantFrom('a "quote"', 'é and more', 'a\rb', '\r', 'line\nline') },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyField, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 30 }),
      fc.constantFrom('\n', '\r\n'),
      fc.integer({ min: 1, max: 3000 }),
      fc.constantFrom(1, 1, 1, 200),
      async (rows, end, chunkBytes, times) => {
        const text = rows
          .map((row) =>
            row.map((cell) => (/[",\n]|\r$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(','),
          )
          .map((line) => line + end)
          .join('')
          .repeat(times);
        const { records, bad } = await read(csv({ header: false }), text, {
          ...SKIP_ALL,
          chunkBytes: chunkBytes * times,
        });

        expect(bad).toEqual([]);
        expect(records).toEqual(independent(text));
      },
    ),
    { numRuns: Math.ceil(PROPERTY_RUNS.numRuns / 4) },
  );
});

describe('a file that is damaged at any byte', () => {
  const file = Buffer.from('id,name\r\n1,"a ""b"""\r\n2,"c,\nd"\r\n3,é\r\n4,\r\n');
  const source = csv({ columns: { id: 'number', name: 'string' } });

  it('gives what an independent reader finds, or a message, when it is truncated', async () => {
    for (let size = 0; size <= file.length; size++) {
      const bytes = file.subarray(0, size);
      const ours = await outcome(bytes);
      const theirs = independent(bytes)?.slice(1);

      if (typeof ours === 'string') continue;
      expect(ours.length + 0, `${size} bytes`).toBeGreaterThanOrEqual(
        theirs?.length ?? Number.POSITIVE_INFINITY,
      );
    }
  });

  it('gives what an independent reader finds, or a message, when a bit is flipped', async () => {
    let messages = 0;
    for (let bit = 0; bit < file.length * 8; bit++) {
      const bytes = Buffer.from(file);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const ours = await outcome(bytes);

      if (typeof ours === 'string') {
        messages += 1;
        continue;
      }
      const theirs = independent(bytes)!;
      expect(ours.map(({ name }) => name)).toEqual(theirs.slice(1).map((row) => row[1]));
      expect(ours.map(({ id }) => id)).toEqual(theirs.slice(1).map((row) => Number(row[0])));
    }
    expect(messages).toBeGreaterThan(100);
  });

  async function outcome(bytes: Buffer): Promise<string | { id: number; name: string }[]> {
    try {
      return (await read(source, bytes, { skip: 0 })).records as { id: number; name: string }[];
    } catch (error) {
      return (error as Error).message;
    }
  }
});
