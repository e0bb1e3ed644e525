import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { isMapReduceError } from '../../src/base/errors.ts';
import type { ByteSink, KeyType, ValueType } from '../../src/codec/codec.ts';
import { GrowableSink } from '../../src/codec/growable-sink.ts';
import { json } from '../../src/codec/json-value.ts';
import { resolveKeyCodec, resolveValueCodec } from '../../src/codec/resolve.ts';
import type { Sink } from '../../src/formats/sink.ts';
import type { Piece, Source } from '../../src/formats/source.ts';
import { records } from '../../src/records/records.ts';
import { anyJson } from '../codec/json-values.ts';
import { encoded } from '../codec/laws.ts';
import { PROPERTY_RUNS } from '../formats/property-runs.ts';
import { readSource } from '../formats/read-source.ts';

type Both = Source<readonly [unknown, unknown]> & Sink<never, never>;
type Pairs = readonly (readonly [unknown, unknown])[];

/** Writes a file as the engine does, which empties the sink between two calls. */
function fileOf(format: Sink<never, never>, pairs: Pairs): Buffer {
  const parts: Buffer[] = [];
  const sink = new GrowableSink();
  const call = (append: (out: ByteSink) => void) => {
    append(sink);
    parts.push(Buffer.from(sink.bytes.subarray(0, sink.end)));
    sink.reset();
  };
  const writer = format.createWriter();
  call((out) => writer.begin?.(out));
  for (const [key, value] of pairs) call((out) => writer.write(key as never, value as never, out));
  call((out) => writer.end?.(out));
  return Buffer.concat(parts);
}

async function cut(format: Both, bytes: Buffer, pieceBytes: number): Promise<Piece[]> {
  if (typeof format.cuts !== 'object' || !('files' in format.cuts)) throw new Error('no cuts');
  format.look?.(bytes.subarray(0, 512));
  const pieces: Piece[] = [];
  const file = {
    name: 'memory',
    sizeBytes: bytes.length,
    pieceBytes,
    range: async (start: number, end: number) => Buffer.from(bytes.subarray(start, end)),
  };
  for await (const piece of format.cuts.files(file)) pieces.push(piece);
  return pieces;
}

async function read(
  format: Both,
  bytes: Buffer,
  pieceBytes = 1,
): Promise<{ pairs: Pairs; numbers: number[] }> {
  const pairs: (readonly [unknown, unknown])[] = [];
  const numbers: number[] = [];
  for (const { startBytes, endBytes, hint, records: count } of await cut(format, bytes, pieceBytes)) {
    const piece = {
      start: startBytes,
      end: endBytes,
      hint: hint!,
      ...(count === undefined ? {} : { records: count }),
    };
    const all = await readSource(withRecords(format, count), bytes, piece);
    expect(all.unitsRead).toBe(count);
    pairs.push(...all.records);
    numbers.push(...all.offsets);
  }
  return { pairs, numbers };
}

/** readSource() makes pieces without a number of records. */
function withRecords(format: Both, count: number | undefined): Source<readonly [unknown, unknown]> {
  return {
    ...format,
    read: (piece) => format.read({ ...piece, ...(count === undefined ? {} : { records: count }) }),
  };
}

const TEXT = fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.toWellFormed());
const NUMBER = fc.double({ noNaN: true });
/** As a key, -0 becomes 0. */
const NUMBER_KEY = NUMBER.map((number) => number + 0);
const BYTES = fc.uint8Array({ maxLength: 20 });

const KINDS: readonly {
  key: KeyType;
  value: ValueType;
  pair: fc.Arbitrary<readonly [unknown, unknown]>;
}[] = [
  { key: 'string', value: 'number', pair: fc.tuple(TEXT, NUMBER) },
  { key: 'number', value: 'bytes', pair: fc.tuple(NUMBER_KEY, BYTES) },
  {
    key: ['string', 'number'],
    value: ['number', 'string'],
    pair: fc.tuple(fc.tuple(TEXT, NUMBER_KEY), fc.tuple(NUMBER, TEXT)),
  },
  { key: 'bytes', value: json<unknown>(), pair: fc.tuple(BYTES, anyJson) },
];

const WORDS = records('string', 'number') as unknown as Both;
const MANY: Pairs = Array.from({ length: 60_000 }, (_, i) => [`word-${i >> 1}`, i / 4]);

describe('records()', () => {
  it.each(KINDS)('reads back what it wrote: $key, $value', async ({ key, value, pair }) => {
    const format = records(key, value) as unknown as Both;
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { maxLength: 20 }), async (pairs) => {
        const back = await read(format, fileOf(format, pairs));

        expect(back.pairs).toEqual(pairs.map(([k, v]) => [k, v]));
        expect(back.numbers).toEqual(pairs.map((_, i) => i));
      }),
      PROPERTY_RUNS,
    );
  });

  it('cuts a file between blocks, and each piece knows its records', async () => {
    const bytes = fileOf(WORDS, MANY);

    const small = await cut(WORDS, bytes, 1);
    const larger = await cut(WORDS, bytes, 100_000);
    const { pairs, numbers } = await read(WORDS, bytes, 100_000);

    expect(small.length).toBeGreaterThan(5);
    expect(larger.length).toBeLessThan(small.length);
    expect(small.reduce((sum, piece) => sum + (piece.records ?? 0), 0)).toBe(MANY.length);
    expect(pairs).toEqual(MANY);
    expect(numbers).toEqual(MANY.map((_, i) => i));
    for (const [i, piece] of small.entries())
      expect(piece.startBytes).toBe(small[i - 1]?.endBytes ?? piece.startBytes);
  });

  it('reads a file without records', async () => {
    expect(await read(WORDS, fileOf(WORDS, []))).toEqual({ pairs: [], numbers: [] });
  });

  it('reads records that are larger than a block', async () => {
    const pairs: Pairs = [
      ['a', 'x'.repeat(500_000)],
      ['a', ''],
      ['b', 'é'.repeat(3_000_000)],
      ['c', 'y'],
    ];
    const format = records('string', 'string') as unknown as Both;

    expect((await read(format, fileOf(format, pairs))).pairs).toEqual(pairs);
  });

  it('writes the same file from encoded records', () => {
    const key = resolveKeyCodec('string');
    const value = resolveValueCodec('number');
    const writer = WORDS.createWriter();
    const out = new GrowableSink();

    writer.begin?.(out);
    const write = writer.encodedWriter?.(key, value);
    for (const [word, count] of MANY) {
      const keyBytes = encoded(key, word);
      const valueBytes = encoded(value, count);
      write?.(
        {
          keyBytes,
          keyStart: 0,
          keyEnd: keyBytes.length,
          valueBytes,
          valueStart: 0,
          valueEnd: valueBytes.length,
        },
        out,
      );
    }
    writer.end?.(out);

    expect(Buffer.from(out.bytes.subarray(0, out.end)).equals(fileOf(WORDS, MANY))).toBe(true);
    expect(writer.encodedWriter?.(value, key)).toBeUndefined();
  });

  it('reports every truncation and every flipped bit', async () => {
    const bytes = fileOf(WORDS, [
      ['to', 1],
      ['to', -0],
      ['be', 2.5],
    ]);
    const failure = async (damaged: Buffer) =>
      read(WORDS, damaged).then(
        () => 'read',
        (error: unknown) => (isMapReduceError(error) ? error.name : String(error)),
      );

    for (let length = 0; length < bytes.length; length++) {
      expect([length, await failure(bytes.subarray(0, length))]).toEqual([length, 'CorruptInputError']);
    }
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect([bit, await failure(flipped)]).toEqual([bit, 'CorruptInputError']);
    }
    expect(await failure(Buffer.concat([bytes, Buffer.from('\n')]))).toBe('CorruptInputError');
    expect(await failure(Buffer.concat([bytes, bytes]))).toBe('CorruptInputError');
  });

  it('says what is wrong', async () => {
    const bytes = fileOf(WORDS, [['to', 1]]);
    const newer = Buffer.from(bytes);
    newer[7] = 9;

    await expect(read(WORDS, bytes.subarray(0, -1))).rejects.toThrow(
      'its footer is missing, so it is cut off. Copy it',
    );
    await expect(read(WORDS, Buffer.from('a\tb\n'))).rejects.toThrow('it is not a file that records() wrote');
    await expect(read(WORDS, Buffer.alloc(0))).rejects.toThrow('it is not a file that records() wrote');
    await expect(read(WORDS, newer)).rejects.toThrow('it has version 9 of the format, and this version');
    await expect(read(WORDS, gzipSync(bytes))).rejects.toThrow('it is not a file that records() wrote');
    await expect(readSource(WORDS, bytes)).rejects.toThrow('records() reads plain files only');
  });

  it.each([
    [records('string', 'string'), 'key string and value string'],
    [records('number', 'number'), 'key number and value number'],
    [records(['string'], ['number']), 'key tuple(string) and value tuple(number)'],
  ])('names both types if they differ', async (format, types) => {
    const bytes = fileOf(WORDS, [['to', 1]]);

    await expect(read(format as unknown as Both, bytes)).rejects.toThrow(
      expect.objectContaining({
        name: 'CorruptInputError',
        message: expect.stringContaining(
          `the file holds records of key string and value number, but the job reads records of ${types}`,
        ),
      }),
    );
  });

  it('refuses a value that its type does not hold', () => {
    expect(() => fileOf(WORDS, [['a', 'text']])).toThrow(
      expect.objectContaining({ name: 'UnencodableValueError' }),
    );
  });

  it('has a format that later versions can still read', async () => {
    const bytes = fileOf(WORDS, [
      ['to', 1],
      ['be', 2],
    ]);

    expect(bytes.toString('hex')).toMatchInlineSnapshot(
      `"6d72726563730001feda01c3210000007b226b6579223a22737472696e67222c2276616c7565223a226e756d626572227d547f775d0a0000000a00000002000000000000000301746f0103016265021e000000020000004f000000000000000200000000000000010000005da5e7576d7272656e640001"`,
    );
  });

  it('infers what it reads and writes', () => {
    const format = records('string', ['number', 'string']);

    expectTypeOf(format).toExtend<Source<readonly [string, readonly [number, string]]>>();
    expectTypeOf(format).toExtend<Sink<string, readonly [number, string]>>();
    expect(() => records('word' as never, 'number')).toThrow(
      expect.objectContaining({ name: 'JobDefinitionError' }),
    );
  });
});
