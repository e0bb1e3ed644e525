import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { json } from '../../../src/codec/json-value.ts';
import { resolveKeyCodec, resolveValueCodec } from '../../../src/codec/resolve.ts';
import { csv } from '../../../src/formats/csv/csv.ts';
import type { TsvType } from '../../../src/formats/csv/tsv-source.ts';
import type { Sink } from '../../../src/formats/sink.ts';
import type { Source } from '../../../src/formats/source.ts';
import { tsv } from '../../../src/formats/tsv.ts';
import { MovingSink } from '../../codec/moving-sink.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { readSource } from '../read-source.ts';
import { written, writtenFromBytes } from '../written.ts';
import { anyCuts, anyFractions, readPieces } from './read-csv.ts';

function bytesOf(sink: Sink<never, never>, records: readonly (readonly [unknown, unknown])[]): Buffer {
  const out = new MovingSink();
  const writer = sink.createWriter();
  writer.begin?.(out);
  for (const [key, value] of records) writer.write(key as never, value as never, out);
  writer.end?.(out);
  return out.taken();
}

const anyText = fc.oneof(
  fc.string({
    unit: fc.constantFrom('\t', '\n', '\r', '\\', 't', 'n', 'é', '"', '\ufeff', '\0'),
    maxLength: 8,
  }),
  fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text.isWellFormed()),
  fc.constantFrom('', 'a longer text that has no escape at all'),
);
const anyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(
    0,
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e21,
    2 ** 69,
    2 ** 53,
  ),
);
const anyFinite = fc.oneof(fc.double({ noDefaultInfinity: true, noNaN: true }), fc.constantFrom(-0));
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.array(fc.constantFrom(9, 10, 13, 92, 116), { maxLength: 6 }).map((bytes) => Uint8Array.from(bytes)),
);
const anyJson = fc
  .oneof(
    fc.jsonValue({ noUnicodeString: false, depthSize: 'small' }),
    fc.constantFrom(-0, '3', 3, '', null, [], [-0]),
  )
  .map((value) => value as unknown);

const VALUES: readonly (readonly [type: TsvType, values: fc.Arbitrary<unknown>])[] = [
  ['string', anyText],
  ['number', anyNumber],
  ['bytes', anyBytes],
  [json<unknown>(), anyJson],
  [['string'], fc.tuple(anyText)],
  [['string', 'number', 'bytes', json<unknown>()], fc.tuple(anyText, anyNumber, anyBytes, anyJson)],
  [
    ['number', ['string', ['number', json<unknown>()]]],
    fc.tuple(anyNumber, fc.tuple(anyText, fc.tuple(anyFinite, anyJson))),
  ],
];

describe('tsv(key, value) reads back exactly what it wrote', () => {
  for (const [keyType, keys] of VALUES) {
    for (const [valueType, values] of VALUES) {
      it(`for a key of ${JSON.stringify(keyType)} and a value of ${JSON.stringify(valueType)}`, async () => {
        const format = tsv(keyType, valueType);
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.tuple(keys, values), { maxLength: 4 }),
            anyFractions,
            fc.integer({ min: 1, max: 60 }),
            async (records, fractions, chunkBytes) => {
              const bytes = bytesOf(format as Sink<never, never>, records);
              const read = await readPieces<unknown>(format, bytes, anyCuts(bytes, fractions), {
                chunkBytes,
              });

              expect(read).toMatchObject({ meets: true, unitsRead: bytes.length });
              expect(read.records).toEqual(records);
              // And nothing grows when the job is repeated.
              expect(bytesOf(format as Sink<never, never>, read.records as [unknown, unknown][])).toEqual(
                bytes,
              );
            },
          ),
          { numRuns: Math.ceil(PROPERTY_RUNS.numRuns / 10) },
        );
      });
    }
  }
});

describe('tsv() without types', () => {
  it('reads text, which it writes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(anyText, anyText)), async (records) => {
        expect((await readSource(tsv(), bytesOf(tsv(), records))).records).toEqual(records);
      }),
      PROPERTY_RUNS,
    );
  });

  it('writes what the types read back, except JSON text and the sign of -0', async () => {
    const bytes = bytesOf(tsv(), [['a\tb', [1e21, { x: ['\\'] }]]]);

    expect((await readSource(tsv('string', ['number', json()]), bytes)).records).toEqual([
      ['a\tb', [1e21, { x: ['\\'] }]],
    ]);
  });
});

describe('the line written from encoded bytes is the same', () => {
  const types = ['string', 'number', 'bytes'] as const;
  it.each(types.flatMap((key) => types.map((value) => [key, value] as const)))(
    'for %s and %s',
    (key, value) => {
      const codecs = { key: resolveKeyCodec(key), value: resolveValueCodec(value) };
      const of = { string: 'a\t\\', number: -0, bytes: Uint8Array.of(9, 255) };
      const record = { key: of[key], value: of[value] };

      // Keys of type number have one zero.
      if (key === 'number') record.key = 0;
      expect(writtenFromBytes(tsv(key, value), codecs, record)).toBe(written(tsv(key, value), record));
    },
  );

  it('but JSON and tuples have no such shortcut', () => {
    const encodedWriter = tsv('string', json()).createWriter().encodedWriter;

    expect(encodedWriter?.(resolveKeyCodec('string'), resolveValueCodec('string'))).toBe(undefined);
  });
});

it('the types of records follow from those of the columns', () => {
  expectTypeOf(tsv()).toExtend<Source<readonly [string, string]>>();
  expectTypeOf(tsv('string', 'number')).toExtend<Source<readonly [string, number]>>();
  expectTypeOf(tsv('string', 'number')).toExtend<Sink<string, number>>();
  expectTypeOf(tsv(['string', 'number'], json<{ a: 1 }>())).toExtend<
    Source<readonly [readonly [string, number], { a: 1 }]>
  >();
  // @ts-expect-error
  expect(() => tsv('strin', 'number')).toThrow(
    `tsv() received the key "strin"; it reads 'string', 'number', 'bytes', json<T>() and tuples of these.`,
  );
  expect(() => tsv('string', [['bytes']])).toThrow('tsv() received the value [["bytes"]]');
  expect(() => tsv([], 'string')).toThrow('tsv() received the key []');
});

describe('a bad line is reported', () => {
  const cases: [name: string, format: Source<unknown>, text: string, message: string][] = [
    [
      'an unknown escape',
      tsv(),
      'C:\\dir\tx\n',
      `byte 0: key holds "\\\\d", which is not one of the escapes \\t, \\n, \\r and \\\\. If this file was not written by tsv(), use csv({ delimiter: '\\t', quote: false }).`,
    ],
    ['a backslash at the end', tsv('string', 'bytes'), 'x\ty\\\n', 'value holds "\\\\", which'],
    [
      'no number',
      tsv('string', 'number'),
      'a\t1\nb\tx\n',
      'byte 4: value is "x", which is not a number. Correct it',
    ],
    [
      'an empty number',
      tsv('string', ['string', 'number']),
      'a\tb\t\n',
      'value[1] is empty, which is not a number.',
    ],
    ['no JSON', tsv('string', json()), 'a\t{"x"\n', 'value is "{\\"x\\"", which is not JSON.'],
    [
      'another shape',
      tsv('string', ['string', ['number', 'string']]),
      'a\tb\t[1,2]\n',
      'value[1] is "[1,2]", which does not have the type',
    ],
    [
      'a column too many',
      tsv(),
      'a\tb\tc\n',
      'the record has 3 columns, but the job declares 2; the last one is "c".',
    ],
    ['a column too few', tsv(), 'a\n', 'the record has 1 column, but the job declares 2'],
  ];
  for (const [name, format, text, message] of cases) {
    it(name, async () => {
      await expect(readSource(format, Buffer.from(text))).rejects.toThrow(
        expect.objectContaining({ name: 'BadRecordError', message: expect.stringContaining(message) }),
      );
    });
  }

  it('and a tuple of another length is not written', () => {
    expect(() => written(tsv('string', ['string', 'number']), { key: 'a', value: ['b'] })).toThrow(
      'an array of 2 columns here',
    );
  });
});

describe('csv(columns) reads back what it wrote', () => {
  const text = fc.oneof(
    anyText,
    fc.string({ unit: fc.constantFrom(',', '"', '\n', '\r', ';', 'x'), maxLength: 6 }),
  );

  it('text, numbers, booleans and null', async () => {
    const format = csv({
      columns: { a: 'string', b: 'number', c: 'boolean', d: 'string?', e: 'number?' },
      delimiter: ';',
    });
    const anyRow = fc.record({
      a: text,
      // -0 is written as 0.
      b: anyNumber.map((value) => value + 0),
      c: fc.boolean(),
      d: fc.option(text),
      e: fc.option(fc.integer()),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { maxLength: 6 }), anyFractions, async (rows, fractions) => {
        const bytes = bytesOf(
          format as Sink<never, never>,
          rows.map((row) => [null, row]),
        );
        const read = await readPieces<unknown>(format, bytes, anyCuts(bytes, fractions));

        if (read.meets) expect(read).toMatchObject({ records: rows, bad: [] });
        expect(await readPieces<unknown>(format, bytes, [])).toMatchObject({
          records: rows,
          bad: [],
          meets: true,
        });
      }),
      PROPERTY_RUNS,
    );
  });

  it('a single column, also if it is empty', async () => {
    const format = csv(['a']);
    const rows = ['', 'x', '', '\n'].map((a) => ({ a }));

    expect(
      (
        await readSource(
          format,
          bytesOf(
            format,
            rows.map((row) => [null, row]),
          ),
        )
      ).records,
    ).toEqual(rows);
  });

  it('and with options that it cannot write, it says so', () => {
    for (const format of [
      csv({ columns: ['a'], delimiter: '\x01' }),
      csv(['a'], { quote: false }),
      csv({ columns: ['a', null], header: false }),
      csv({ columns: ['a'], header: 'w3c' }),
      csv({ columns: { a: 'string', b: null }, header: false }),
    ]) {
      expect(() => bytesOf(format as Sink<never, never>, [[null, ['x']]])).toThrow('can only be an input');
    }
  });
});
