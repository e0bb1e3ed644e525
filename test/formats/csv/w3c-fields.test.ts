import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { csv } from '../../../src/formats/csv/csv.ts';
import type { Source } from '../../../src/formats/source.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { readSource } from '../read-source.ts';
import { readPieces, SKIP_ALL } from './read-csv.ts';

const LOG =
  '#Version: 1.0\n' +
  '#Fields: date time cs-uri-stem  sc-bytes\r\n' +
  '2026-11-29\t10:00:00\t/a "b"\t12\n' +
  '#Remark: x\ty\n' +
  '2026-11-29\t10:00:01\t/\t-\n' +
  '#Fields: date time cs-uri-stem sc-bytes\n' +
  '2026-11-29\t10:00:02\t\t7';

const log = csv({
  header: 'w3c',
  delimiter: '\t',
  quote: false,
  nullText: '-',
  columns: { 'sc-bytes': 'number?', 'cs-uri-stem': 'string' },
});

const read = (source: Source<unknown>, text: string) => readSource(source, Buffer.from(text), SKIP_ALL);

describe("csv({ header: 'w3c' })", () => {
  it('finds the columns by the line #Fields and skips other comments', async () => {
    expectTypeOf<typeof log>().toExtend<Source<{ 'sc-bytes': number | null; 'cs-uri-stem': string }>>();
    expect((await read(log, LOG)).records).toEqual([
      { 'sc-bytes': 12, 'cs-uri-stem': '/a "b"' },
      { 'sc-bytes': null, 'cs-uri-stem': '/' },
      { 'sc-bytes': 7, 'cs-uri-stem': '' },
    ]);
    expect((await read(csv({ header: 'w3c', delimiter: ' ' }), '#Fields: a b\n1 "2 3"\n')).records).toEqual([
      { a: '1', b: '2 3' },
    ]);
  });

  it('reads a file without records', async () => {
    for (const text of [
      '',
      '#Version: 1.0\n',
      '#Fields: sc-bytes cs-uri-stem',
      '\ufeff#Fields: sc-bytes cs-uri-stem\n',
    ]) {
      const { records, bad, unitsRead } = await read(log, text);
      expect({ records, bad, unitsRead }).toEqual({
        records: [],
        bad: [],
        unitsRead: Buffer.byteLength(text),
      });
    }
  });

  it('gives the same records wherever a file is cut, and in chunks of any size', async () => {
    const bytes = Buffer.from(LOG);
    const quoted = csv({ header: 'w3c', delimiter: '\t', quote: "'" });
    for (const source of [log, quoted] as Source<unknown>[]) {
      const whole = await readPieces(source, bytes, []);
      expect(whole).toMatchObject({ meets: true, unitsRead: bytes.length, bad: [] });
      for (let cut = 0; cut <= bytes.length; cut++) {
        for (const chunkBytes of [1, 5, 1000]) {
          expect(await readPieces(source, bytes, [cut], { ...SKIP_ALL, chunkBytes }), `cut ${cut}`).toEqual(
            whole,
          );
        }
      }
    }
  });

  it('agrees with split() for any columns in any order, cut anywhere', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', '#', ' ', '-', ',', 'é', '😀'), maxLength: 6 });
    const file = fc
      .uniqueArray(fc.constantFrom('date', 'cs(Host)', 'sc-bytes', 'x-edge', 'c-ip'), { minLength: 2 })
      .chain((names) =>
        fc.record({
          names: fc.constant(names),
          rows: fc.array(fc.tuple(...names.map(() => cell)).filter(([first]) => !first!.startsWith('#'))),
          comment: fc.constantFrom('', '#Remark: "x\n', `#Fields: ${names.join('  ')}\n`),
          cut: fc.double({ min: 0, max: 1, noNaN: true }),
          chunkBytes: fc.integer({ min: 1, max: 40 }),
        }),
      );
    await fc.assert(
      fc.asyncProperty(file, async ({ names, rows, comment, cut, chunkBytes }) => {
        const lines = rows.map((row) => `${row.join('\t')}\n`);
        const bytes = Buffer.from(`#Version: 1.0\n#Fields: ${names.join(' ')}\n${lines.join(comment)}`);
        const source = csv({ header: 'w3c', delimiter: '\t', quote: false });

        const { records, meets } = await readPieces(source, bytes, [Math.floor(cut * bytes.length)], {
          ...SKIP_ALL,
          chunkBytes,
        });

        expect(records).toEqual(
          rows.map((row) => Object.fromEntries(row.map((text, i) => [names[i], text]))),
        );
        expect(meets).toBe(true);
      }),
      PROPERTY_RUNS,
    );
  });

  it('fails for a file without the line, or whose columns change', async () => {
    await expect(read(log, '#Version: 1.0\n2026\t1\n')).rejects.toThrow(
      `the file has no line '#Fields: ...' before its first record, which starts with "2026"`,
    );
    await expect(read(log, '#Fields:\n2026\t1\n')).rejects.toThrow("the file has no line '#Fields: ...'");
    await expect(read(log, '#Fields: sc-bytes\n1\n')).rejects.toThrow(
      'the header has no column "cs-uri-stem"',
    );
    await expect(
      read(log, '#Fields: sc-bytes cs-uri-stem\n1\t/\n#Fields: cs-uri-stem sc-bytes\n/\t1\n'),
    ).rejects.toThrow(/at byte 34 names other columns \("cs-uri-stem sc-bytes"\) than the first one/);
  });

  it('refuses another comment character, and other names of headers', () => {
    expect(() => csv({ header: 'w3c', comment: ';' })).toThrow("with header: 'w3c' it is '#'");
    // @ts-expect-error
    expect(() => csv({ header: 'iis' })).toThrow('must be true or false or "w3c"');
  });
});
