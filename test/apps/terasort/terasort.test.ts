/** The three jobs of the sort benchmark, against a generator in Python, sort and the checksums that Hadoop prints. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { TeraRows } from '../../../apps/teragen/tera-rows.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';
import { appFile, inputFile, linesOf, runApp } from '../run-app.ts';
import { shell } from '../shell.ts';

const GENSORT = join(import.meta.dirname, 'gensort.py');
const ROW_BYTES = 100;

function gensort(first: number, rows: number): Buffer {
  return execFileSync('python3', [GENSORT, String(first), String(rows)], { maxBuffer: 1 << 28 });
}

/** The records as lines of hexadecimal digits, which `sort` can sort. */
function hexLines(bytes: Buffer): string {
  return bytes.toString('hex').replace(/.{200}/g, '$&\n');
}

async function validate(generated: string, sorted: string): Promise<Record<string, string>> {
  const { text } = await runApp('teravalidate', {
    inputs: [`generated=${generated}`, `sorted=${sorted}`],
    splitSizeBytes: 30_000,
  });
  return Object.fromEntries(linesOf(text).map((line) => line.split('\t')));
}

describe('teragen', () => {
  test.each([0, 1, 7, 8, 1000, 20_011])('writes %i rows like gensort', async (rows) => {
    const { bytes } = await runApp('teragen', { inputs: [], params: { rows: String(rows) } });

    expect(bytes.equals(gensort(0, rows))).toBe(true);
  });

  test('writes the same parts with sequential tasks', async () => {
    const params = { rows: '1003' };

    const threads = await runApp('teragen', { inputs: [], params });
    const sequential = await runApp('teragen', { inputs: [], params, workers: 'sequential' });

    expect(sequential.report.parts).toEqual(threads.report.parts);
  });

  test('starts at any row, and gives a row again', () => {
    const expected = gensort(0, 3000);
    const rows = new TeraRows();

    for (const row of [2999, 0, 1, 2, 2, 1, 1023, 1024, 1025, 2047, 2048, 7]) {
      expect(rows.at(row).equals(expected.subarray(row * ROW_BYTES, (row + 1) * ROW_BYTES))).toBe(true);
    }
  });

  // TeraGen's counter CHECKSUM for 65,536,000 bytes, as logs of Hadoop 2 and 3 show it.
  test("has the checksum of Hadoop's TeraGen for 655,360 rows", () => {
    const rows = new TeraRows();
    let checksum = 0;

    for (let row = 0; row < 655_360; row++) checksum += crc32(rows.at(row));

    expect(checksum).toBe(1_408_100_361_519_672);
  });
});

describe('terasort', () => {
  test('sorts 20,000 rows into five parts like sort', async () => {
    const input = inputFile('rows.bin', gensort(0, 20_000));

    const { bytes, report } = await runApp('terasort', {
      inputs: [input],
      splitSizeBytes: 300_001,
      reducers: 5,
    });

    expect(report.parts.filter((part) => part.records > 2_000)).toHaveLength(5);
    const lines = inputFile('rows.hex', hexLines(gensort(0, 20_000)));
    expect(hexLines(bytes) === shell('sort -s -k1.1,1.20 -- "$1"', lines)).toBe(true);
  });

  test('keeps the input order of rows with equal keys, and separates keys that differ in the last byte', async () => {
    const row = (key: string, mark: number) =>
      Buffer.concat([Buffer.from(key, 'hex'), Buffer.alloc(90, mark)]);
    const keys = [
      'ffffffffffffffffffff',
      '00000000000000000001',
      '00000000000000000000',
      'ff000000000000000000',
    ];
    const rows = keys.flatMap((key, index) => [row(key, 10 + index), row(key, 250 - index)]);

    const { bytes } = await runApp('terasort', { inputs: [inputFile('equal.bin', Buffer.concat(rows))] });

    const order = [4, 5, 2, 3, 6, 7, 0, 1].map((index) => rows[index]!);
    expect(bytes.equals(Buffer.concat(order))).toBe(true);
  });

  test('reports a file that ends inside a row', async () => {
    const input = inputFile('cut.bin', gensort(0, 3).subarray(0, 250));

    await expect(runApp('terasort', { inputs: [input] })).rejects.toThrow(
      'byte 200: the file ends inside a record: its last 50 bytes are not a record of 100 bytes',
    );
  });
});

describe('teravalidate', () => {
  test('finds what teragen and terasort wrote valid', async () => {
    const generated = await runApp('teragen', { inputs: [], params: { rows: '5000' } });
    const sorted = await runApp('terasort', { inputs: [generated.output], reducers: 4 });

    const result = await validate(generated.output, sorted.output);

    const checksum = shell(`python3 "$1" checksum < "$2"`, GENSORT, inputFile('all.bin', gensort(0, 5000)));
    expect(result).toEqual({
      'generated rows': '5000',
      'generated checksum': checksum.trim(),
      'sorted rows': '5000',
      'sorted checksum': checksum.trim(),
      'duplicate keys': '0',
      'unordered rows': '0',
      result: 'valid',
    });
  });

  test('counts the unordered rows of unsorted input like a loop over its keys', async () => {
    const bytes = gensort(0, 3000);
    const keyOf = (row: number) => bytes.subarray(row * ROW_BYTES, row * ROW_BYTES + 10);
    const unordered = Array.from({ length: 3000 }, (_, row) => row).filter(
      (row) => row > 0 && keyOf(row - 1).compare(keyOf(row)) > 0,
    );
    const input = inputFile('unsorted.bin', bytes);

    const result = await validate(input, input);

    expect(result).toMatchObject({
      'unordered rows': String(unordered.length),
      'first unordered row': String(unordered[0]),
      result: 'INVALID',
    });
  });

  test('finds parts in the wrong order', async () => {
    const folder = folderOfTest('teravalidate-test-');
    const sample = appFile('teravalidate', 'sample');
    const [first, second] = readdirSync(sample).sort();
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(sample, first!), join(folder, 'part-1.bin'));
    copyFileSync(join(sample, second!), join(folder, 'part-0.bin'));

    const result = await validate(appFile('terasort', 'sample.bin'), folder);

    expect(result).toMatchObject({ 'unordered rows': '1', 'first unordered row': '5', result: 'INVALID' });
  });

  test.each<[string, (sorted: Buffer) => Buffer, object]>([
    [
      'a changed bit',
      (rows) => rows.fill(rows[1150]! ^ 1, 1150, 1151),
      { 'sorted rows': '12', 'unordered rows': '0' },
    ],
    ['a missing row', (rows) => rows.subarray(100), { 'sorted rows': '11', 'unordered rows': '0' }],
    [
      'a row twice',
      (rows) => Buffer.concat([rows.subarray(0, 100), rows]),
      { 'sorted rows': '13', 'duplicate keys': '1' },
    ],
    [
      'a row twice in place of another',
      (rows) => Buffer.concat([rows.subarray(0, 100), rows.subarray(0, 100), rows.subarray(200)]),
      { 'sorted rows': '12', 'duplicate keys': '1' },
    ],
    ['no row at all', () => Buffer.alloc(0), { 'sorted rows': '0', 'sorted checksum': '0' }],
  ])('finds %s', async (_what, damage, expected) => {
    const sorted = await runApp('terasort', { inputs: [appFile('terasort', 'sample.bin')] });
    const damaged = join(folderOfTest('teravalidate-test-'), 'damaged.bin');
    writeFileSync(damaged, damage(sorted.bytes));

    const result = await validate(appFile('terasort', 'sample.bin'), damaged);

    expect(result).toMatchObject({ ...expected, result: 'INVALID' });
  });
});
