import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { wholeFiles } from '../../../src/formats/binary/whole-files.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { readSource } from '../read-source.ts';

describe('wholeFiles()', () => {
  it('makes one record of any bytes, which outlives the chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300, size: 'max' }),
        fc.integer({ min: 1, max: 300 }),
        async (content, chunkBytes) => {
          const bytes = Buffer.from(content);

          const read = await readSource(wholeFiles(), bytes, { chunkBytes });

          expect(read.records).toEqual([bytes]);
          expect(read.offsets).toEqual([0]);
          expect(read.unitsRead).toBe(bytes.length);
        },
      ),
      PROPERTY_RUNS,
    );
  });

  it('makes a record of an empty file', async () => {
    expect((await readSource(wholeFiles(), Buffer.alloc(0))).records).toEqual([Buffer.alloc(0)]);
    expect((await readSource(wholeFiles({ as: 'text' }), Buffer.alloc(0))).records).toEqual(['']);
  });

  it('refuses a file larger than the bound', async () => {
    const bytes = Buffer.alloc(100);

    expect((await readSource(wholeFiles(), bytes, { recordBytesMax: 100 })).records).toHaveLength(1);
    await expect(
      readSource(wholeFiles(), bytes, { recordBytesMax: 99, chunkBytes: 30 }),
    ).rejects.toMatchObject({
      name: 'RecordTooLargeError',
      message: expect.stringMatching(
        /^the file is larger than 99 bytes, .* Choose an input format that reads it in parts/,
      ),
    });
  });

  it('is cut between files only', () => {
    expect(wholeFiles().cuts).toBe('between files');
    expectTypeOf(wholeFiles()).toEqualTypeOf(wholeFiles({ as: 'bytes' }));
  });
});

describe("wholeFiles({ as: 'text' })", () => {
  const utf16 = Buffer.from('\ufeffzürich\n', 'utf16le');

  it.each([
    ['UTF-8', Buffer.from('zürich\n'), 'zürich\n'],
    ['UTF-8 with a mark', Buffer.from('\ufeffzürich\n'), 'zürich\n'],
    ['UTF-16LE with a mark', utf16, 'zürich\n'],
    ['UTF-16BE with a mark', Buffer.from(utf16).swap16(), 'zürich\n'],
  ])('reads %s', async (_, bytes, text) => {
    const read = await readSource(wholeFiles({ as: 'text' }), bytes, { chunkBytes: 3 });

    expect(read).toMatchObject({ records: [text], counts: {}, unitsRead: bytes.length });
  });

  it('reads other encodings', async () => {
    const source = wholeFiles({ as: 'text', encoding: 'shift_jis' });

    expect((await readSource(source, Buffer.from([0x93, 0xfa, 0x96, 0x7b]))).records).toEqual(['日本']);
  });

  it('counts files that are not valid, or refuses them', async () => {
    const bytes = Buffer.from('z\xfcrich', 'latin1');

    const replaced = await readSource(wholeFiles({ as: 'text' }), bytes);
    const skipped = await readSource(wholeFiles({ as: 'text', invalid: 'bad' }), bytes, { skip: 1 });

    expect(replaced).toMatchObject({ records: ['z\ufffdrich'], counts: { 'files not valid UTF-8': 1 } });
    expect(skipped).toMatchObject({ records: [], unitsRead: 6, counts: {} });
    await expect(readSource(wholeFiles({ as: 'text', invalid: 'bad' }), bytes)).rejects.toThrow(
      /byte 0: the file is not valid UTF-8: it reads "z\ufffdrich"\. Name its encoding/,
    );
  });

  it('refuses options that it does not know', () => {
    expect(() => wholeFiles({ as: 'json' as 'text' })).toThrow(
      /received as "json"; it must be 'text' or 'bytes'/,
    );
    expect(() => wholeFiles({ as: 'text', invalid: 'drop' as 'bad' })).toThrow(
      /wholeFiles\(\) received invalid "drop"/,
    );
    expect(() => wholeFiles({ as: 'text', encoding: 'klingon' })).toThrow(
      /wholeFiles\(\) received encoding "klingon"/,
    );
  });
});
