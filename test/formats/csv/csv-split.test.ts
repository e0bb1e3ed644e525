import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csv } from '../../../src/formats/csv/csv.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { anyBytes, anyCuts, anyFile, anyFractions, readPieces, SKIP_ALL } from './read-csv.ts';

const everyCut = (bytes: Buffer) => Array.from({ length: bytes.length + 1 }, (_, at) => at);

const WELL_FORMED: readonly (readonly [name: string, text: string])[] = [
  ['plain', 'a,b\n1,2\n3,4\n'],
  ['without a last line end', 'a,b\n1,2\n3,4'],
  ['with CRLF', 'a,b\r\n1,2\r\n"3",4\r\n'],
  ['with line ends in quotes', 'a,b\n"x\ny\n",2\n3,"\n"\n"\n\n",4\n5,6\n'],
  ['with delimiters and doubled quotes', 'a,b\n"x,""y""",2\n"""",","\n"a""\n""b",3\n'],
  ['with a byte order mark', '\ufeffa,b\n1,2\n"é\n漢",4\n'],
  ['with a byte order mark and quotes', '\ufeff"a","b"\n"1","2"\n'],
  ['with a byte order mark and a line end in the first field', '\ufeff"a\nb","c"\n1,2\n'],
  ['with a line end before a closing quote', 'a,b\nxyz,1\n"xxxxxxxxxxxxxx\n",1\n'],
  ['with a header in quotes', '"a\n1","b"\n1,2\n3,4\n'],
  ['with empty lines', 'a,b\n\n1,2\n\r\n\n3,4\n\n'],
  ['with a lone carriage return', 'a,b\n1\r2,x\r\n"\r",3\n'],
];

describe('a file that is cut at any byte', () => {
  for (const [name, text] of WELL_FORMED) {
    it(`${name} gives the same records`, async () => {
      const bytes = Buffer.from(text);
      for (const source of [csv(), csv({ header: false }), csv({ header: false, columns: ['x', 'y'] })]) {
        const whole = await readPieces<unknown>(source, bytes, []);
        for (const cut of everyCut(bytes)) {
          for (const chunkBytes of [1, 3, 1000]) {
            expect(
              { cut, ...(await readPieces<unknown>(source, bytes, [cut], { ...SKIP_ALL, chunkBytes })) },
              `cut ${cut}, chunks of ${chunkBytes}`,
            ).toEqual({ cut, ...whole });
          }
        }
        expect(whole).toMatchObject({ meets: true, unitsRead: bytes.length });
      }
    });
  }

  it('gives the same records with multiline: false and quote: false', async () => {
    const bytes = Buffer.from('a,b\n"x,y",2\n"3",4\nbad",5\n"open,6\n7,8');
    for (const source of [csv({ multiline: false }), csv({ quote: false, extraColumns: 'ignore' })]) {
      const whole = await readPieces<unknown>(source, bytes, []);
      expect(whole.records.length).toBeGreaterThan(2);
      for (const cut of everyCut(bytes)) {
        for (const chunkBytes of [1, 4, 1000]) {
          expect(await readPieces<unknown>(source, bytes, [cut], { ...SKIP_ALL, chunkBytes })).toEqual(whole);
        }
      }
    }
  });

  it('gives the same records with comments that hold quotes', async () => {
    const bytes = Buffer.from('#x "y\na,b\n1,"#2\n#"\n# "z\n3,4\n');
    const source = csv({ comment: '#' });
    const whole = await readPieces<unknown>(source, bytes, []);
    expect(whole).toMatchObject({
      records: [
        { a: '1', b: '#2\n#' },
        { a: '3', b: '4' },
      ],
      bad: [],
    });
    for (const cut of everyCut(bytes)) {
      const read = await readPieces<unknown>(source, bytes, [cut]);
      if (read.meets) expect(read).toEqual(whole);
    }
  });
});

describe('a large file', () => {
  const cutsOf = (bytes: Buffer) =>
    Array.from({ length: 12 }, (_, i) => Math.floor((bytes.length * (i + 1)) / 13) + i);

  const FILES: readonly (readonly [name: string, row: (i: number) => string])[] = [
    ['without quotes', (i) => `${i},some text ${i}\n`],
    ['with line ends in quotes', (i) => `${i},"some\ntext, ""${i}""\n,\n"\n`],
    ['with a rare quote', (i) => (i % 20_000 === 7 ? `${i},"a,\nb"\n` : `${i},${'text '.repeat(i % 9)}\n`)],
    ['with empty fields in quotes', () => `"",""\n`],
    ['with quotes around all fields', (i) => `"${i}","text, ${i}"\n`],
    ['with line ends everywhere', (i) => `"\n","\n${i % 100 === 0 ? i : ''}"\n`],
  ];
  for (const [name, row] of FILES) {
    it(`${name} is split right`, async () => {
      const bytes = Buffer.from(Array.from({ length: 80_000 }, (_, i) => row(i)).join(''));
      const source = csv({ header: false, columns: ['id', 'text'] });
      const whole = await readPieces<unknown>(source, bytes, []);
      const cut = await readPieces<unknown>(source, bytes, cutsOf(bytes), {});

      expect(whole.records.length).toBe(80_000);
      expect(cut.meets).toBe(true);
      expect(cut.offsets).toEqual(whole.offsets);
      expect(cut.records).toEqual(whole.records);
    });
  }

  it('with one quoted field longer than the look-ahead is not split silently', async () => {
    const bytes = Buffer.from(`a,b\n1,"${'x,y\n'.repeat(200_000)}"\n3,4\n`);
    const whole = await readPieces<unknown>(csv(), bytes, []);
    const cut = await readPieces<unknown>(csv(), bytes, cutsOf(bytes));

    expect(whole).toMatchObject({ meets: true, bad: [] });
    expect(whole.records.length).toBe(2);
    expect(cut.meets).toBe(false);
    await expect(
      readPieces<unknown>(csv({ columns: { a: 'number' } }), bytes, cutsOf(bytes), {}),
    ).rejects.toThrow('Or a task that started in the middle of the file took quotes for the wrong ones');
  });
});

describe('for any well-formed file, cuts and chunks', () => {
  it('the pieces meet and give the records of the whole file, unless quotes are all around', async () => {
    let met = 0;
    let all = 0;
    await fc.assert(
      fc.asyncProperty(
        anyFile,
        anyFractions,
        fc.integer({ min: 1, max: 50 }),
        async (file, fractions, chunkBytes) => {
          const whole = await readPieces<unknown>(csv(), file.bytes, []);
          const cut = await readPieces<unknown>(csv(), file.bytes, anyCuts(file.bytes, fractions), {
            ...SKIP_ALL,
            chunkBytes,
          });

          all += 1;
          expect(whole).toMatchObject({ bad: [], meets: true });
          if (!cut.meets) return;
          met += 1;
          expect(cut).toEqual(whole);
        },
      ),
      PROPERTY_RUNS,
    );
    expect(met / all).toBeGreaterThan(0.9);
  });
});

describe('for any bytes', () => {
  const sources = [
    csv({ header: false }),
    csv({ header: false, columns: ['a', 'b'] }),
    csv({ header: false, comment: '#' }),
    csv({ header: false, multiline: false }),
    csv({ header: false, quote: false }),
  ] as const;

  it('pieces that meet give what the whole file gives', async () => {
    let met = 0;
    await fc.assert(
      fc.asyncProperty(
        anyBytes,
        anyFractions,
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(...sources),
        async (bytes, fractions, chunkBytes, source) => {
          const whole = await readPieces<unknown>(source, bytes, []);
          const cut = await readPieces<unknown>(source, bytes, anyCuts(bytes, fractions), {
            ...SKIP_ALL,
            chunkBytes,
          });

          expect(whole).toMatchObject({ meets: true, unitsRead: bytes.length });
          if (!cut.meets) return;
          met += 1;
          expect(cut).toEqual(whole);
        },
      ),
      PROPERTY_RUNS,
    );
    expect(met).toBeGreaterThan(PROPERTY_RUNS.numRuns / 2);
  });

  it('the result does not depend on the chunks, whatever the size limit', async () => {
    const outcome = async (
      source: (typeof sources)[number],
      bytes: Buffer,
      chunkBytes: number,
      recordBytesMax: number,
    ) => {
      try {
        return await readPieces<unknown>(source, bytes, [], { ...SKIP_ALL, chunkBytes, recordBytesMax });
      } catch (error) {
        return { error: String(error) };
      }
    };
    await fc.assert(
      fc.asyncProperty(
        anyBytes,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 3, max: 40 }),
        fc.constantFrom(...sources),
        async (bytes, chunkBytes, recordBytesMax, source) => {
          expect(await outcome(source, bytes, chunkBytes, recordBytesMax)).toEqual(
            await outcome(source, bytes, bytes.length + 1, recordBytesMax),
          );
        },
      ),
      PROPERTY_RUNS,
    );
  });
});

it('a stray quote just beyond the size limit is too large a record for any chunks', async () => {
  const bytes = Buffer.from('"""\n"","\r"');

  for (const chunkBytes of [1, 100]) {
    await expect(
      readPieces<unknown>(csv({ header: false }), bytes, [], { ...SKIP_ALL, chunkBytes, recordBytesMax: 8 }),
    ).rejects.toThrow('is longer than 8 bytes');
  }
});
