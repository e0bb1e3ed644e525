import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { bytesLines } from '../../src/formats/text/bytes-lines.ts';
import { type TextLinesOptions, textLines } from '../../src/formats/text/text-lines.ts';
import { listLocalInputs } from '../../src/plan/inputs/list-local-inputs.ts';
import { lookInside } from '../../src/plan/inputs/look-inside.ts';
import { readPiece } from '../../src/read/read-records.ts';
import { FileStore } from '../../src/storage/file/file-store.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';

const store = new FileStore({ root: '/' });
const LINES = 'one\ntwo\n';
let folder: string;

beforeEach(() => {
  folder = folderOfTest('file-kind-test');
});

/** Reads as a job does: lists, inspects and reads the file. */
async function linesOf(
  name: string,
  bytes: Buffer | string,
  options: TextLinesOptions = {},
): Promise<string[]> {
  const source = textLines(options);
  writeFileSync(join(folder, name), bytes);
  const listed = await listLocalInputs(store, [join(folder, name)]);
  const lines: string[] = [];
  for (const file of await lookInside(listed, { store, source })) {
    await readPiece(
      { file, startBytes: 0, endBytes: file.sizeBytes },
      { source, store, recordBytesMax: 1_000_000, deliver: (line) => lines.push(line) },
    );
  }
  return lines;
}

function tar(): Buffer {
  const header = Buffer.alloc(1024);
  header.write('a.txt', 0);
  header.write('ustar\0', 257);
  return header;
}

const hex = (bytes: string) => Buffer.concat([Buffer.from(bytes, 'hex'), Buffer.from(LINES)]);
const MARKED = Buffer.from(`\ufeff${LINES}`, 'utf16le');
const SKIPPABLE = Buffer.from('502a4d1802000000aaaa', 'hex');

describe('the format of a file', () => {
  test.each([
    ['access.log', gzipSync(LINES)],
    ['access.log.gz.1', gzipSync(LINES)],
    ['noname', zstdCompressSync(LINES)],
    ['x.bz2', Buffer.from(LINES)],
    ['x.GZ', gzipSync(LINES)],
    ['skippable', Buffer.concat([SKIPPABLE, zstdCompressSync(LINES)])],
    ['two.log', Buffer.concat([gzipSync('one\n'), gzipSync('two\n')])],
    ['bom.txt', Buffer.from(`\ufeff${LINES}`)],
    ['utf16.txt', MARKED],
    ['utf16be.txt', Buffer.from(MARKED).swap16()],
    ['utf16.gz', gzipSync(MARKED)],
    ['utf16.log', zstdCompressSync(MARKED)],
  ])('%s is read', async (name, bytes) => {
    expect(await linesOf(name, bytes)).toEqual(['one', 'two']);
  });

  test.each([
    ['a.bz2', 'a bzip2 file', hex('425a6839314159265359')],
    ['a.xz', 'an xz file', hex('fd377a585a00')],
    ['a.lz4', 'an lz4 file', hex('04224d18')],
    ['a.zip', 'a zip archive', hex('504b0304')],
    ['a.7z', 'a 7z archive', hex('377abcaf271c')],
    ['a.Z', 'a compress (.Z) file', hex('1f9d90')],
    ['a.parquet', 'a Parquet file', hex('50415231')],
    ['a.avro', 'an Avro file', hex('4f626a01')],
    ['a.records', 'a result of records()', hex('6d72726563730001')],
    ['a.tar', 'a tar archive', tar()],
    ['a.tgz', 'a tar archive in a compressed file', gzipSync(tar())],
    ['a.tar.gz', 'a tar archive in a compressed file', gzipSync(tar())],
    ['a.tar.zst', 'a tar archive in a compressed file', zstdCompressSync(tar())],
    ['c.txt', 'UTF-16 text without a byte order mark', Buffer.from('one\ntwo\n', 'utf16le')],
    ['ru.txt', 'UTF-16 text without', Buffer.from('привет мир как дела у тебя\n', 'utf16le')],
    ['zh.txt', 'UTF-16 text without', Buffer.from('你好世界，今天天气很好\n', 'utf16le').swap16()],
    ['hi.txt', 'UTF-16 text without', Buffer.from('hi\n', 'utf16le')],
    ['ru.gz', 'UTF-16 text without', gzipSync(Buffer.from('да нет\n', 'utf16le'))],
    ['32.txt', 'UTF-32 text without', Buffer.from(Uint32Array.of(0x68, 0x69, 0x0a).buffer)],
    ['e.gz', 'a gzip file that was compressed again', gzipSync(gzipSync(LINES))],
  ])('%s is refused as %s', async (name, what, bytes) => {
    await expect(linesOf(name, bytes)).rejects.toMatchObject({
      name: 'CorruptInputError',
      message: expect.stringContaining(`${name} is ${what}`),
    });
  });

  test('UTF-16 without a mark is refused with the encoding to name, and read once it is named', async () => {
    const bytes = Buffer.from(LINES, 'utf16le');

    for (const [name, content] of [
      ['plain.txt', bytes],
      ['packed.gz', gzipSync(bytes)],
    ] as const) {
      await expect(linesOf(name, content)).rejects.toThrow(
        /UTF-16 text without a byte order mark.* Name its encoding, textLines\(\{ encoding: 'utf-16le' \}\) \(or 'utf-16be'\), or convert it to UTF-8 first, for example with iconv -f UTF-16LE -t UTF-8/,
      );
      expect(await linesOf(name, content, { encoding: 'utf-16le' })).toEqual(['one', 'two']);
    }
  });

  test('ASCII is refused by a job that reads UTF-16', async () => {
    const text = 'plain text of some length\n'.repeat(2);

    for (const [name, content] of [
      ['plain.txt', Buffer.from(text)],
      ['packed.gz', gzipSync(text)],
    ] as const) {
      await expect(linesOf(name, content, { encoding: 'utf-16le' })).rejects.toMatchObject({
        name: 'CorruptInputError',
        message: expect.stringMatching(
          /\/(plain\.txt|packed\.gz): the file starts with ASCII text, "plain text of some l", but the job reads it as UTF-16LE\. Remove 'encoding'/,
        ),
        details: { file: expect.stringContaining(name) },
      });
    }
  });

  test('UTF-16 with a mark is refused by a format that reads UTF-8 only', async () => {
    writeFileSync(join(folder, 'a.txt'), MARKED);
    const listed = await listLocalInputs(store, [folder]);

    await expect(lookInside(listed, { store, source: bytesLines() })).rejects.toThrow(
      /a\.txt is UTF-16 text, which this job cannot read .* textLines\(\) reads it\. /,
    );
  });

  test('a custom format that reads bytes accepts any file', async () => {
    writeFileSync(join(folder, 'a.parquet'), hex('50415231'));
    const listed = await listLocalInputs(store, [folder]);

    expect(await lookInside(listed, { store, source: { isText: false } })).toEqual(listed);
  });

  test.each([
    ['x.log', gzipSync(LINES), 'starts like a gzip file, but is damaged: unexpected end of file'],
    ['x.gz.1', zstdCompressSync(LINES), 'starts like a zstd file, but is damaged: '],
    [
      'x.gz',
      gzipSync(LINES),
      'has the name of a gzip file, but is damaged or not one: unexpected end of file',
    ],
  ])(
    'a truncated %s is refused, with the reason to believe that it is compressed',
    async (name, bytes, said) => {
      const failed = linesOf(name, bytes.subarray(0, -4));

      await expect(failed).rejects.toThrow(`${name} ${said}`);
      const suggestsRenaming = await failed.catch((error: Error) => error.message.includes('rename it'));
      expect(suggestsRenaming).toBe(said.includes('the name of'));
    },
  );

  test.each(['a.gz', 'a.zst'])('an empty %s is reported as truncated', async (name) => {
    await expect(linesOf(name, '')).rejects.toThrow(/is empty, but a (gzip|zstd) file never is/);
  });

  test('a zstd file with a window of 2 GiB is read', async () => {
    const bytes = zstdCompressSync(LINES, {
      params: {
        [constants.ZSTD_c_windowLog]: 31,
        [constants.ZSTD_c_enableLongDistanceMatching]: 1,
        [constants.ZSTD_c_contentSizeFlag]: 0,
      },
    });

    expect(await linesOf('long.zst', bytes)).toEqual(['one', 'two']);
  });
});

describe('an entry that is not a regular file', () => {
  test('is refused by name, in a folder and by a glob, unless it is hidden', async () => {
    writeFileSync(join(folder, 'a.txt'), LINES);
    mkdirSync(join(folder, 'sub'));
    symlinkSync(join(folder, 'gone'), join(folder, 'sub', 'dangling.txt'));
    const list = (pattern: string) => listLocalInputs(store, [join(folder, pattern)]);

    await expect(list('')).rejects.toThrow(
      /contains .*sub\/dangling\.txt, which is a dangling symbolic link/,
    );
    await expect(list('**/*.txt')).rejects.toThrow(/dangling\.txt/);
    expect((await list('*.txt')).map(({ key }) => key)).toEqual([join(folder, 'a.txt')]);

    rmSync(join(folder, 'sub', 'dangling.txt'));
    execFileSync('mkfifo', [join(folder, 'sub', 'pipe')]);
    await expect(list('')).rejects.toThrow(/contains .*sub\/pipe, which is a pipe, socket or device/);

    rmSync(join(folder, 'sub', 'pipe'));
    execFileSync('mkfifo', [join(folder, 'sub', '.pipe')]);
    expect((await list('')).map(({ key }) => key)).toEqual([join(folder, 'a.txt')]);
  });

  test.runIf(process.platform === 'linux')('is a file that reports no size but is not empty', async () => {
    const refused = {
      name: 'UsageError',
      message: expect.stringMatching(/^the input .*(status|link) reports a size of 0 but is not empty/),
    };
    writeFileSync(join(folder, 'empty'), '');
    const empty = await listLocalInputs(store, [join(folder, 'empty'), folder]);
    symlinkSync('/proc/self/status', join(folder, 'link'));

    await expect(listLocalInputs(store, ['/proc/self/status'])).rejects.toMatchObject(refused);
    await expect(listLocalInputs(store, [folder])).rejects.toMatchObject(refused);
    await expect(listLocalInputs(store, [join(folder, 'l*')])).rejects.toMatchObject(refused);
    expect(empty.map(({ key, sizeBytes }) => [key, sizeBytes])).toEqual([[join(folder, 'empty'), 0]]);
  });

  test('a file rewritten with the same size and time is detected as changed', async () => {
    const path = join(folder, 'a.txt');
    writeFileSync(path, LINES);
    utimesSync(path, 1_000, 1_000);
    const file = (await listLocalInputs(store, [path]))[0]!;
    const [inFolder] = await listLocalInputs(store, [folder]);
    writeFileSync(path, 'six\nten\n');
    utimesSync(path, 1_000, 1_000);

    const read = readPiece(
      { file, startBytes: 0, endBytes: file.sizeBytes },
      { source: textLines(), store, recordBytesMax: 1_000, deliver: () => {} },
    );

    expect(inFolder).toEqual(file);
    await expect(read).rejects.toMatchObject({ name: 'InputChangedError' });
  });
});
