import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { csv } from '../../../src/formats/csv/csv.ts';
import type { Source } from '../../../src/formats/source.ts';
import { readSource } from '../read-source.ts';
import { read, SKIP_ALL } from './read-csv.ts';

const refusal = async (source: Source<unknown>, text: string, recordBytesMax = 1000) => {
  try {
    await read(source, text, { skip: 0, recordBytesMax });
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
};

type RecordOf<S> = S extends Source<infer R> ? R : never;

describe('columns', () => {
  it('are picked by name, in any order, from the header of each file', async () => {
    const source = csv(['name', 'code']);

    expect((await read(source, 'code,x,name\nDE,1,Germany\n')).records).toEqual([
      { name: 'Germany', code: 'DE' },
    ]);
    expect((await read(source, 'name,code\nFrance,FR')).records).toEqual([{ name: 'France', code: 'FR' }]);
    expectTypeOf<RecordOf<typeof source>>().toEqualTypeOf<{ readonly name: string; readonly code: string }>();
  });

  it('have types', async () => {
    const source = csv({ columns: { ts: 'number', user: 'string', ok: 'boolean' } });

    expect((await read(source, 'ok,user,ts\nTrue,"a ""b""",-1.5e3\nfalse,,"7"\n')).records).toEqual([
      { ts: -1500, user: 'a "b"', ok: true },
      { ts: 7, user: '', ok: false },
    ]);
    expectTypeOf<RecordOf<typeof source>>().toEqualTypeOf<{
      readonly ts: number;
      readonly user: string;
      readonly ok: boolean;
    }>();
  });

  it('may be null where a cell is empty', async () => {
    const source = csv({ columns: { n: 'number?', s: 'string?', b: 'boolean?' }, nullText: '-' });

    expect((await read(source, 'n,s,b\n,,\n-,-,-\n"","",""\n1,"-",TRUE\n')).records).toEqual([
      { n: null, s: null, b: null },
      { n: null, s: null, b: null },
      { n: null, s: '', b: null },
      { n: 1, s: '-', b: true },
    ]);
    expectTypeOf<RecordOf<typeof source>>().toEqualTypeOf<{
      readonly n: number | null;
      readonly s: string | null;
      readonly b: boolean | null;
    }>();
  });

  it('are all columns of the header by default', async () => {
    expect((await read(csv(), 'a,b\n1,2\n')).records).toEqual([{ a: '1', b: '2' }]);
    expectTypeOf(csv()).toExtend<Source<{ readonly [name: string]: string }>>();
  });

  it('are taken by position without a header', async () => {
    const source = csv({ header: false, delimiter: ' ', columns: ['ip', null, 'path'] });

    expect((await read(source, '1.1.1.1 - /\n2.2.2.2 "- -" "/a b"')).records).toEqual([
      { ip: '1.1.1.1', path: '/' },
      { ip: '2.2.2.2', path: '/a b' },
    ]);
    expectTypeOf<RecordOf<typeof source>>().toEqualTypeOf<{ readonly ip: string; readonly path: string }>();
  });

  it('are taken by position with their types, and those that are null are left out', async () => {
    const source = csv({
      header: false,
      columns: { ip: null, bytes: 'number', agent: null, path: 'string?' },
    });

    expect((await read(source, '1.1.1.1,5,-,/\n2.2.2.2,6,"x",\n')).records).toEqual([
      { bytes: 5, path: '/' },
      { bytes: 6, path: null },
    ]);
    expectTypeOf<RecordOf<typeof source>>().toEqualTypeOf<{
      readonly bytes: number;
      readonly path: string | null;
    }>();
    expect(() => csv({ columns: { ip: null, bytes: 'number' } })).toThrow('only with header: false');
    expect(() => csv({ header: false, columns: { 1: null, a: 'string' } })).toThrow('whose name is a number');
  });

  it('are an array of text if there is neither a header nor a name', async () => {
    const source = csv({ header: false });

    expect((await read(source, 'a,"b"\n\nc\n')).records).toEqual([['a', 'b'], [''], ['c']]);
    expectTypeOf<RecordOf<typeof source>>().toEqualTypeOf<readonly string[]>();
  });

  it('give plain objects, whatever their names and number', async () => {
    const names = Array.from({ length: 12 }, (_, i) => (i === 3 ? '__proto__' : i === 4 ? '7' : `c${i}`));
    for (const columns of [names, names.filter((name) => name !== '__proto__')]) {
      const text = `${columns.join(',')}\n${columns.map((name) => `of ${name}`).join(',')}\n`;
      const [record] = (await read(csv(columns), text)).records as [object];

      expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
      expect(new Map(Object.entries(record))).toEqual(new Map(columns.map((name) => [name, `of ${name}`])));
    }
  });

  it('may be more than expected if they are to be ignored', async () => {
    const columns = ['a', 'b'] as const;

    expect(
      (await read(csv({ columns, header: false, extraColumns: 'ignore' }), '1,2\n1,2,3,4\n')).records,
    ).toEqual([
      { a: '1', b: '2' },
      { a: '1', b: '2' },
    ]);
  });

  it('of more than 64 in a record are read', async () => {
    const row = Array.from({ length: 300 }, (_, i) => String(i));

    expect((await read(csv({ header: false }), `${row.join(',')}\n`)).records).toEqual([row]);
  });
});

describe('a schema', () => {
  it('makes the record, and what it refuses is a bad record', async () => {
    const source = csv({ schema: v.object({ id: v.pipe(v.string(), v.transform(Number), v.integer()) }) });
    const { records, bad } = await read(source, 'id,x\n1,a\nx,b\n3,c\n');

    expect(records).toEqual([{ id: 1 }, { id: 3 }]);
    expect(bad).toEqual([
      { offset: 9, message: expect.stringContaining('the schema (valibot) refuses the record: id') },
    ]);
    expectTypeOf<RecordOf<typeof source>>().toEqualTypeOf<{ id: number }>();
  });
});

describe('what a file may be', () => {
  it('empty, or a header alone', async () => {
    for (const text of ['', '\ufeff', 'a,b', 'a,b\n', '\n\n', '\ufeff\na,b\n']) {
      expect(await read(csv(), text)).toMatchObject({ records: [], bad: [], meets: true });
    }
  });

  it('Latin-1', async () => {
    const bytes = Buffer.from('næme,b\né,"ü"\n', 'latin1');

    expect((await readSource(csv({ columns: ['næme', 'b'], encoding: 'latin1' }), bytes)).records).toEqual([
      { næme: 'é', b: 'ü' },
    ]);
  });

  it('with bytes that are not UTF-8', async () => {
    const bytes = Buffer.from('a,b\n\xff,1\n', 'latin1');

    expect(await readSource(csv(['a']), bytes)).toMatchObject({
      records: [{ a: '\ufffd' }],
      counts: { 'records not valid UTF-8': 1 },
    });
    expect((await readSource(csv(['b']), bytes)).counts).toEqual({});
    expect((await readSource(csv(), Buffer.from('a,b\n\ufffd,1\n'))).counts).toEqual({});
    // Blocks end inside a character.
    const long = Buffer.from(`a,b\n${'привет é €,\ufffd\n'.repeat(9000)}`);
    expect((await readSource(csv(), long)).counts).toEqual({});
    for (let at = 4; at < long.length; at += 10_007) if (long[at]! >= 0x80) long[at] = 0xff;
    expect(Object.values((await readSource(csv(), long)).counts)[0]).toBeGreaterThan(10);
  });

  it('with comments, other delimiters and other quotes', async () => {
    const source = csv({ comment: '#', delimiter: '\x01', quote: "'" });

    expect((await read(source, "#x\na\x01b\n'#1'\x01'2''3'\n#,\n'\n#'\x01\n")).records).toEqual([
      { a: '#1', b: "2'3" },
      { a: '\n#', b: '' },
    ]);
  });

  it('with quotes that mean nothing', async () => {
    expect((await read(csv({ delimiter: '\t', quote: false }), 'a\tb\n"x\t5"\n')).records).toEqual([
      { a: '"x', b: '5"' },
    ]);
  });

  it('in large blocks, ASCII or not, with records longer than a block', async () => {
    const long = 'x'.repeat(60_000);
    const rows = Array.from({ length: 3000 }, (_, i) => [
      `${i}`,
      i % 500 === 7 ? long : i % 400 === 3 ? `é${i}` : `some text ${i}`,
    ]);
    const bytes = Buffer.from(`id,text\n${rows.map((row) => row.join(',')).join('\n')}\n`);
    for (const chunkBytes of [1000, 65_536, bytes.length]) {
      const { records } = await readSource(csv({ header: false }), bytes, { chunkBytes });

      expect(records.slice(1)).toEqual(rows);
    }
  });
});

describe('a bad record is reported with its place, the value and the remedy', () => {
  const typed = csv({ columns: { id: 'number', ok: 'boolean' } });
  const cases: [name: string, source: Source<unknown>, text: string, message: string][] = [
    [
      'text as number',
      typed,
      'id,ok\n1,true\nx1,true\n',
      'byte 13: column "id" is "x1", which is not a number.',
    ],
    [
      'no number',
      typed,
      'id,ok\n,true\n',
      `byte 6: column "id" is empty, which is not a number. Correct it, or declare the column as 'number?' to receive null.`,
    ],
    [
      'lost digits',
      typed,
      'id,ok\n9007199254740993,true\n',
      `column "id" is "9007199254740993", which has more digits than a number can hold. Declare the column as 'string'`,
    ],
    ['too large', typed, 'id,ok\n1e999,true\n', 'column "id" is "1e999", which is too large for a number.'],
    ['no boolean', typed, 'id,ok\n1,yes\n', 'column "ok" is "yes", which is neither true nor false.'],
    [
      'too few columns',
      typed,
      'id,ok\n1\n',
      'byte 6: the record has 1 column, but the header has 2; the last one is "1".',
    ],
    [
      'too many columns',
      typed,
      'id,ok\n1,true,"x,y"\n',
      'the record has 3 columns, but the header has 2; the last one is "x,y".',
    ],
    [
      'too many declared',
      csv({ header: false, columns: ['a'] }),
      'a,b\n',
      'but the job declares 1; the last one is "b". Correct the record (a delimiter inside a field needs quotes around the field), or ignore further columns with extraColumns: \'ignore\'.',
    ],
    [
      'a stray quote',
      typed,
      'id,ok\n1,5" x\n',
      'byte 6: there is a quote inside column 2 at byte 9, which does not start with one: "1,5\\"". Put such',
    ],
    [
      'text after a quote',
      typed,
      'id,ok\n"1"x,true\n',
      'the closing quote of column 1 at byte 9 is not followed by a delimiter or a line end: "\\"1\\"x".',
    ],
    [
      'an unclosed quote',
      typed,
      'id,ok\n1,"true\n2,false\n',
      'byte 6: the quote that opens column 2 at byte 8 is never closed: "\\"true\\n". Close it, or use quote: false',
    ],
    [
      'an unclosed line',
      csv({ multiline: false }),
      'a\n"x\ny"\n',
      'is not closed in its line: "\\"x\\n". Close it, remove multiline: false if fields may hold line ends',
    ],
  ];
  for (const [name, source, text, message] of cases) {
    it(name, async () => {
      expect(await refusal(source, text)).toContain(message);
    });
  }
});

describe('a header that does not fit', () => {
  const cases: [name: string, source: Source<unknown>, text: string, message: string][] = [
    [
      'a missing column',
      csv(['nmae']),
      'code,name\n',
      'the header has no column "nmae"; its columns are "code", "name". Did you mean "name"?',
    ],
    ['another delimiter', csv(['population']), 'country;population\n', 'Its delimiter may be ";"'],
    [
      'a column twice',
      csv(['a']),
      'a,b,a\n',
      'the header has the column "a" more than once; its columns are "a", "b", "a".',
    ],
    [
      'a stray quote',
      csv(['a']),
      'a,b"\n',
      'the header is malformed: there is a quote inside column 2 at byte 3',
    ],
  ];
  for (const [name, source, text, message] of cases) {
    it(`${name} is a CorruptInputError, also in the middle of the file`, async () => {
      for (const start of [0, 10]) {
        const bytes = Buffer.from(`${text}${'1,2\n'.repeat(5)}`);
        await expect(readSource(source, bytes, { start })).rejects.toThrow(
          expect.objectContaining({ name: 'CorruptInputError', message: expect.stringContaining(message) }),
        );
      }
    });
  }

  it('is fine if only other columns occur twice', async () => {
    expect((await read(csv(['a']), 'a,b,b\n1,2,3\n')).records).toEqual([{ a: '1' }]);
  });

  it('is found if it is longer than the first range', async () => {
    const names = Array.from({ length: 5000 }, (_, i) => `"column\n${i}"`);
    const bytes = Buffer.from(`${names.join(',')}\n${','.repeat(4999)}\n${'x,'.repeat(4999)}x\n`);
    const { records } = await readSource(csv(['column\n4999']), bytes, { start: bytes.length - 12_000 });

    expect(records).toEqual([{ 'column\n4999': 'x' }]);
  });
});

describe('after a bad record', () => {
  it('reading continues with the next line, so a stray quote costs one line', async () => {
    const { records, bad } = await read(csv(), 'a,b\n1,"x\n2,"y"\n3,z\n"4",\n');

    expect(records).toEqual([
      { a: '2', b: 'y' },
      { a: '3', b: 'z' },
      { a: '4', b: '' },
    ]);
    expect(bad.map(({ offset }) => offset)).toEqual([4]);
  });

  it('reading continues, even if the quote never closes and the file is longer than a record may be', async () => {
    const lines = Array.from({ length: 1000 }, (_, i) => `${i},x\n`);
    const { records, bad, unitsRead } = await read(csv(), `a,b\n"${lines.join('')}`, {
      ...SKIP_ALL,
      recordBytesMax: 300,
      chunkBytes: 64,
    });

    expect(records.length).toBe(999);
    expect(bad).toMatchObject([{ offset: 4 }]);
    expect(unitsRead).toBe(5 + lines.join('').length);
  });
});

it('a record that is too long is refused, with bounded memory', async () => {
  expect(await refusal(csv(), `a,b\n1,${'x'.repeat(2000)}\n`)).toContain(
    'the record that starts at byte 4 is longer than 1000 bytes',
  );
});

it('a record may be as long as the limit, its line end included', async () => {
  const text = `a,b\n1,${'x'.repeat(97)}\n`;

  expect((await read(csv(), text, { recordBytesMax: 100 })).records.length).toBe(1);
  expect(await refusal(csv(), text, 99)).toContain('is longer than 99 bytes');
});

it('a value of csv() that cannot be is refused by name', () => {
  const cases: [make: () => unknown, message: string][] = [
    [() => csv({ delimiter: ';;' }), 'csv() received delimiter ";;"; it must be one ASCII character'],
    [() => csv({ delimiter: '"' }), 'csv() received one character twice'],
    [() => csv({ quote: '' }), 'that is not a line end, or false.'],
    [() => csv([]), 'csv() received no columns.'],
    [() => csv(['a', 'a']), 'csv() received the column "a" twice.'],
    [() => csv({ columns: ['a', null] }), 'null as a column, which has a meaning only with header: false'],
    // @ts-expect-error
    [() => csv({ columns: { a: 'date' } }), 'csv() received "date" as the type of the column "a".'],
    // @ts-expect-error
    [() => csv({ delimeter: ';' }), 'csv() has no option "delimeter"; it has columns, header, delimiter'],
    // @ts-expect-error
    [() => csv({ encoding: 'utf16' }), 'csv() received encoding "utf16"; it must be "utf8" or "latin1".'],
    [() => csv({ header: false, columns: { 1: 'string' } }), 'a column whose name is a number'],
  ];
  for (const [make, message] of cases) expect(make).toThrow(message);
});
