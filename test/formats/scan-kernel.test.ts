/** What the kernel reads must be what JavaScript reads, which is the oracle here. */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { csv } from '../../src/formats/csv/csv.ts';
import type { CsvOptions, CsvType } from '../../src/formats/csv/csv-options.ts';
import { ScannedRows } from '../../src/formats/csv/scanned-rows.ts';
import { jsonLines } from '../../src/formats/json/json-lines.ts';
import { ScannedLines } from '../../src/formats/json/scanned-lines.ts';
import { scanKernel } from '../../src/formats/scan-kernel.ts';
import type { Source } from '../../src/formats/source.ts';
import { anyFile } from './csv/read-csv.ts';
import { jsonLine } from './json/json-texts.ts';
import { PROPERTY_RUNS } from './property-runs.ts';
import { type ReadOptions, readInPieces, readSource } from './read-source.ts';

const SKIP_ALL = { skip: 1e9 };

afterEach(() => {
  vi.restoreAllMocks();
});

/** Everything that a reader says, or its error. JSON keeps the order of properties; undefined and -0 are marked. */
async function outcome(source: Source<unknown>, bytes: Buffer, options: ReadOptions): Promise<unknown> {
  const mark = (_name: string, value: unknown) =>
    Object.is(value, -0) ? '-0' : typeof value === 'bigint' ? `${value}n` : value === undefined ? '-' : value;
  try {
    return await readSource(source, bytes, { ...SKIP_ALL, ...options }, (record) =>
      JSON.stringify(record, mark),
    );
  } catch (error) {
    return String(error);
  }
}

/** The same, read by JavaScript alone. */
async function outcomeWithout(...input: Parameters<typeof outcome>): Promise<unknown> {
  const spies = [
    vi.spyOn(ScannedLines, 'of').mockReturnValue(undefined),
    vi.spyOn(ScannedRows, 'of').mockReturnValue(undefined),
  ];
  try {
    return await outcome(...input);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Changes a few bytes. */
function damaged(bytes: Buffer, damage: readonly (readonly [number, number])[]): Buffer {
  const copy = Buffer.from(bytes);
  for (const [fraction, byte] of damage) {
    if (copy.length > 0) copy[Math.floor(fraction * copy.length)] = byte;
  }
  return copy;
}

const anyDamage = (special: string) =>
  fc.array(
    fc.tuple(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.oneof(fc.constantFrom(...Buffer.from(special)), fc.integer({ min: 0, max: 255 })),
    ),
    { maxLength: 3 },
  );
const anyChunkBytes = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(64 * 1024));
/** So many records that there are several windows and batches of rows. */
const anyRepeats = fc.oneof(
  { weight: 60, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(500, 2_000) },
);

it('the kernel runs in this process', () => {
  expect(scanKernel()).toBeDefined();
});

describe('the selected fields of JSON Lines', () => {
  const names = [
    'a',
    'b',
    'product',
    'é',
    '漢',
    'x'.repeat(13),
    'y'.repeat(30),
    'z'.repeat(50),
    '1',
    'a"b',
    'c\\',
  ];
  const scalar = fc.oneof(
    fc.constantFrom(
      'null',
      'true',
      'false',
      '0',
      '-0',
      '1.50',
      '-12.25',
      '1e5',
      '2E-3',
      '123456789012345',
      '1234567890123456',
    ),
    fc.constantFrom(
      '9007199254740993',
      '0.1',
      '"p0001"',
      '"p0002"',
      '""',
      '"a longer text, with commas"',
      '"é"',
      '"\\n"',
      '"\\u00e9"',
    ),
    fc.constantFrom(
      '[]',
      '{}',
      '[1,[2,{"a":"]"}]]',
      '{"a":{"b":[]}}',
      '01',
      '1.',
      '-',
      'tru',
      'nul',
      'falsy',
      '"\t"',
      '+1',
    ),
    fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => JSON.stringify(text)),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
    jsonLine,
  );
  const space = fc.constantFrom('', '', '', '', ' ', '\t', ' \r');
  const member = fc
    .tuple(fc.constantFrom(...names), scalar, space, space)
    .map(
      ([name, value, before, after]) => `${before}${JSON.stringify(name)}${before}:${after}${value}${after}`,
    );
  const members = fc.array(member, { maxLength: 8 });
  const line = fc.oneof(
    { weight: 8, arbitrary: members.map((all) => `{${all.join(',')}}`) },
    { weight: 1, arbitrary: jsonLine },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        ' ',
        '{',
        '}',
        '{}',
        '{ }',
        '{"a"',
        '{"a":1',
        '{"a":1,}',
        '{,}',
        '[]',
        '{"a":1}x',
      ),
    },
  );
  const anyLines = fc
    .tuple(fc.array(line, { maxLength: 8 }), anyRepeats, fc.constantFrom('\n', '\r\n'), fc.boolean())
    .map(([lines, repeats, end, isEnded]) => {
      const text = Array(repeats).fill(lines.join(end)).join(end);
      return Buffer.from(isEnded ? text + end : text);
    });

  it('are those that JavaScript reads, whatever the lines and the chunks are', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyLines,
        anyDamage('{}[]:,"\\\n\r \0u0-.e'),
        anyChunkBytes,
        fc.subarray(names, { minLength: 1 }),
        fc.boolean(),
        async (lines, damage, chunkBytes, select, exactIntegers) => {
          const bytes = damaged(lines, damage);
          const source = jsonLines({ select, exactIntegers });

          expect(await outcome(source, bytes, { chunkBytes })).toEqual(
            await outcomeWithout(source, bytes, { chunkBytes }),
          );
        },
      ),
      PROPERTY_RUNS,
    );
  });

  it('are the same if other readers take turns, and if one reads while rows are delivered', async () => {
    const bytes = (product: string) =>
      Buffer.from(`{"product":"${product}","n":1}\n{"n":2,"product":"${product}2"}\n`.repeat(2_000));
    const readers = ['a', 'b'].map((product) => {
      const source = jsonLines<Record<string, unknown>>({
        select: product === 'a' ? ['product'] : ['n', 'product'],
      });
      return { product, read: readSource(source, bytes(product), { chunkBytes: 1_000 }) };
    });

    for (const { product, read } of readers) {
      const { records } = await read;
      expect(new Set(records.map((record) => record.product))).toEqual(new Set([product, `${product}2`]));
    }
    const nested: unknown[] = [];
    const kernel = scanKernel()!;
    await readSource(jsonLines({ select: ['n'] }), bytes('c'), {}, () => nested.push(kernel.isBusy));
    expect(new Set(nested)).toEqual(new Set([true]));
    expect(kernel.isBusy).toBe(false);
  });

  it('forgets texts that a failed record left unread', async () => {
    const bytes = Buffer.from('{"a":"one"}\n{"a":"two"}\n');
    const reading = readSource(jsonLines({ select: ['a'] }), bytes, {}, () => {
      throw new Error('no');
    });
    await expect(reading).rejects.toThrow('no');

    const { records } = await readSource(jsonLines({ select: ['a'] }), bytes);

    expect(records).toEqual([{ a: 'one' }, { a: 'two' }]);
  });

  it('are right with more different texts than the kernel remembers', async () => {
    const texts = Array.from({ length: 60_000 }, (_, i) => `t${(i * 7919) % 25_000}`);
    const bytes = Buffer.from(texts.map((text) => `{"a":"${text}","b":"same"}\n`).join(''));

    const { records } = await readSource(jsonLines<Record<string, unknown>>({ select: ['a', 'b'] }), bytes);

    expect(records.map(({ a }) => a)).toEqual(texts);
    expect(records.every(({ b }) => b === 'same')).toBe(true);
  });
});

describe('the columns of CSV', () => {
  const cell = fc.oneof(
    fc.constantFrom(
      '',
      '""',
      '0',
      '-0',
      '-1.5',
      '.5',
      '5.',
      '.',
      '-',
      '1e3',
      '+1',
      '"12"',
      '"-1.25"',
      '123456789012345',
      '1234567890123456',
    ),
    fc.constantFrom(
      'true',
      'FALSE',
      '"true"',
      'p0001',
      'p0002',
      '"p0001"',
      '"a,b"',
      '"a\nb"',
      '"a""b"',
      '""""',
      'NULL',
      '"NULL"',
      'é',
      '"é"',
      '\r',
    ),
    fc.constantFrom(
      'some text that is longer',
      '"some text that is longer, quoted"',
      'a"b',
      '"a"b',
      '"',
      'exactly15bytes!',
      'exactly16 bytes!',
    ),
  );
  const anyRows = fc
    .tuple(
      fc.array(fc.array(cell, { minLength: 1, maxLength: 5 }), { maxLength: 10 }),
      anyRepeats,
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
    )
    .map(([rows, repeats, end, isEnded]) => {
      const text = Array(repeats)
        .fill(rows.map((row) => row.join(',')).join(end))
        .join(end);
      return Buffer.from(isEnded ? text + end : text);
    });
  const types: readonly CsvType[] = ['string', 'number', 'boolean', 'string?', 'number?', 'boolean?'];
  const anyColumns = fc
    .array(fc.constantFrom(...types, null), { minLength: 1, maxLength: 4 })
    .filter((each) => each.some((type) => type !== null))
    .map((each) => Object.fromEntries(each.map((type, i) => [`c${i}`, type])));
  const anyOptions = fc.record(
    {
      multiline: fc.boolean(),
      quote: fc.constantFrom<'"' | "'" | false>('"', "'", false),
      comment: fc.constantFrom('#', 'p'),
      nullText: fc.constantFrom('NULL', '0'),
      encoding: fc.constantFrom<'utf8' | 'latin1'>('utf8', 'latin1'),
      extraColumns: fc.constantFrom<'refuse' | 'ignore'>('refuse', 'ignore'),
    },
    { requiredKeys: [] },
  );

  it('are those that JavaScript reads, whatever the rows, the dialect and the chunks are', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyRows,
        anyDamage('",\n\r#\''),
        anyChunkBytes,
        anyColumns,
        anyOptions,
        fc.constantFrom(64 * 1024 * 1024, 30),
        async (rows, damage, chunkBytes, columns, options, recordBytesMax) => {
          const bytes = damaged(rows, damage);
          const source = csv({ ...options, header: false, columns } as CsvOptions & {
            columns: typeof columns;
          });

          expect(await outcome(source, bytes, { chunkBytes, recordBytesMax })).toEqual(
            await outcomeWithout(source, bytes, { chunkBytes, recordBytesMax }),
          );
        },
      ),
      PROPERTY_RUNS,
    );
  });

  it('are those that JavaScript reads, in pieces and with a header', async () => {
    await fc.assert(
      fc.asyncProperty(anyFile, anyChunkBytes, async ({ bytes }, chunkBytes) => {
        const cuts = [Math.floor(bytes.length / 3), Math.floor(bytes.length / 2)];
        const all = await readInPieces(csv(), bytes, { ...SKIP_ALL, chunkBytes, cuts });
        vi.spyOn(ScannedRows, 'of').mockReturnValue(undefined);
        const expected = await readInPieces(csv(), bytes, { ...SKIP_ALL, chunkBytes, cuts });
        vi.restoreAllMocks();

        expect(all).toEqual(expected);
      }),
      PROPERTY_RUNS,
    );
  });

  it('are read with records of more bytes than a window, and of many columns', async () => {
    const long = 'x'.repeat(70_000);
    const wide = Array.from({ length: 900 }, (_, i) => `v${i}`).join(',');
    const text = `a,b\n1,2\n${long},3\n4,"${long}"\n5,6\n`;
    const header = Array.from({ length: 900 }, (_, i) => `h${i}`).join(',');

    const { records } = await readSource(csv(['a', 'b']), Buffer.from(text));
    const { records: wideRecords } = await readSource(
      csv(['h0', 'h899']),
      Buffer.from(`${header}\n${wide}\n${wide}\n`),
    );

    expect(records).toEqual([
      { a: '1', b: '2' },
      { a: long, b: '3' },
      { a: '4', b: long },
      { a: '5', b: '6' },
    ]);
    expect(wideRecords).toEqual([
      { h0: 'v0', h899: 'v899' },
      { h0: 'v0', h899: 'v899' },
    ]);
  });
});
