/** Jobs of each format, embedded, in many small splits. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import { runEmbedded } from '../../../src/local/run/embedded-run.ts';
import type { EmbeddedRunOptions } from '../../../src/local/run/run-options.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';

let folder: string;
beforeEach(() => {
  folder = folderOfTest('formats-test');
  mkdirSync(join(folder, 'in'));
});

/** @returns the lines of the result */
async function resultOf(
  job: string,
  files: Record<string, Buffer>,
  options: Partial<EmbeddedRunOptions> = {},
) {
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, 'in', name), bytes);
  const output = join(folder, 'out');
  const report = await runEmbedded({
    jobModule: new URL(`./jobs/formats/${job}.ts`, import.meta.url),
    inputs: Object.keys(files).length === 0 ? [] : [join(folder, 'in')],
    output,
    workers: 2,
    reducers: 1,
    splitSizeBytes: 700,
    ...options,
  });
  const parts = readdirSync(output).filter((name) => name.startsWith('part-'));
  const lines = parts.flatMap((name) => readFileSync(join(output, name), 'utf8').split('\n').slice(0, -1));
  return { report, lines };
}

test('whole files: each file is a record, also an empty one', async () => {
  const { lines } = await resultOf('file-sizes', {
    'a.bin': Buffer.alloc(5_000),
    'b.gz': gzipSync('abc'),
    'empty.bin': Buffer.alloc(0),
  });

  expect(lines).toEqual(['a.bin\t5000', 'b.gz\t3', 'empty.bin\t0']);
});

test('records of a fixed length are counted once, in 15 splits', async () => {
  const bytes = Buffer.from(
    Array.from({ length: 10_000 }, (_, index) => (index % 10 === 0 ? (index / 10) % 4 : 9)),
  );

  const { lines, report } = await resultOf('first-bytes', { 'a.bin': bytes });

  expect(lines).toEqual(['0\t250', '1\t250', '2\t250', '3\t250']);
  expect(report.input.splits).toBeGreaterThan(10);
});

test('a file that ends inside a record of a fixed length fails the job', async () => {
  await expect(resultOf('first-bytes', { 'a.bin': Buffer.alloc(10_003) })).rejects.toMatchObject({
    name: 'BadRecordError',
    message: expect.stringMatching(/a\.bin, byte 10000: the file ends inside a record: its last 3 bytes/),
  });
});

test('generated records need no input, and are mapped once', async () => {
  const { lines, report } = await resultOf('remainders', {}, { params: { numbers: 10_000 } });

  expect(lines).toEqual(['0\t3334', '1\t3333', '2\t3333']);
  expect(report.stages[0]).toMatchObject({ tasks: 8, recordsRead: 10_000, bytesRead: 0 });
});

test('no records at all are an empty result', async () => {
  const { lines, report } = await resultOf('remainders', {}, { params: { numbers: 0 } });

  expect(lines).toEqual([]);
  expect(report.stages[0]).toMatchObject({ tasks: 0, recordsRead: 0 });
});

test('an error of map names the generated record', async () => {
  const params = { numbers: 10_000, refused: 7_777 };

  await expect(resultOf('remainders', {}, { params, attemptsMax: 1 })).rejects.toMatchObject({
    message: expect.stringMatching(/failed at record 7777: UserCodeError: map\(\) threw Error: refused/),
    details: { record: 7_777 },
  });
});

test.each(['line-text', 'line-bytes'])('%s: lines are counted once, in many splits', async (job) => {
  const text = 'zürich\nbasel\r\n\n'.repeat(500);

  const { lines, report } = await resultOf(job, {
    'a.txt': Buffer.from(`\ufeff${text}`),
    'b.gz': gzipSync(text),
  });

  expect(lines).toEqual(['\t1000', 'basel\t1000', 'zürich\t1000']);
  expect(report.input.splits).toBeGreaterThan(10);
});

test('UTF-16 with a byte order mark is read in many splits, plain and compressed', async () => {
  const bytes = Buffer.from(`\ufeff${'zürich\nbasel\r\nਊ\n'.repeat(500)}`, 'utf16le');

  const { lines, report } = await resultOf('line-text', {
    'le.txt': bytes,
    'be.txt': Buffer.from(bytes).swap16(),
    'le.gz': gzipSync(bytes),
  });

  expect(lines).toEqual(['basel\t1500', 'zürich\t1500', 'ਊ\t1500']);
  expect(report.input.splits).toBeGreaterThan(40);
  expect(report.counters).toEqual({});
});

test('the report counts the lines that are not valid UTF-8', async () => {
  const bytes = Buffer.from('z\xfcrich\nbasel\n'.repeat(500), 'latin1');

  const { lines, report } = await resultOf('line-text', { 'a.txt': bytes });

  expect(lines).toEqual(['basel\t500', 'z\ufffdrich\t500']);
  expect(report.counters).toEqual({ 'lines not valid UTF-8': 500 });
});

test('a thousand small compressed files are read by one task', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 1_000 }, (_, index) => [`f${index}.gz`, gzipSync(`a\nb${index % 2}\n`)]),
  );

  const { lines } = await resultOf('line-text', files, { splitSizeBytes: 1 << 20 });

  expect(lines).toEqual(['a\t1000', 'b0\t500', 'b1\t500']);
});
