/** Jobs of each format, embedded, in many small splits. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

test('JSON Lines are counted once, in many splits, and bad ones are listed', async () => {
  const rows = Array.from(
    { length: 1_000 },
    (_, i) => `{"id":${i},"country":"N${i % 2}","amount":0.5,"x":[{}]}`,
  );
  rows[300] = '{"country":"N0"';
  rows[301] = '{"country":"N1","amount":"0.5"}';

  const { lines, report } = await resultOf('json-lines', {
    'a.jsonl': Buffer.from(rows.join('\n')),
    'b.gz': gzipSync(rows.slice(0, 300).join('\r\n\r\n')),
  });

  expect(lines).toEqual(['N0\t324.5', 'N1\t324.5']);
  expect(report.input.splits).toBeGreaterThan(10);
  const bad = readFileSync(join(folder, 'out', '_bad.jsonl'), 'utf8');
  expect(bad.match(/a\.jsonl/g)).toHaveLength(2);
  expect(bad).toContain('the line ends inside a value');
  expect(bad).toContain('amount is \\"0.5\\"');
});

test('a schema that refuses everything fails the job with the first record', async () => {
  const bytes = Buffer.from('{"country":1,"amount":2}\n'.repeat(100));

  await expect(resultOf('json-lines', { 'a.jsonl': bytes })).rejects.toMatchObject({
    name: 'BadRecordError',
    message: expect.stringMatching(
      /a\.jsonl, .*byte \d+\): the schema \(zod\) refuses the record: country is 1: /,
    ),
  });
});

test('JSON documents: plain and compressed files are read, one that is cut off fails the job', async () => {
  const events = (count: number) =>
    JSON.stringify(
      { Records: Array.from({ length: count }, (_, i) => ({ event: `e${i % 2}` })) },
      undefined,
      1,
    );
  const files = {
    'a.json': Buffer.from(events(500)),
    'b.gz': gzipSync(events(4)),
    'c.json': Buffer.from(events(0)),
  };

  const { lines } = await resultOf('json-documents', files);

  expect(lines).toEqual(['e0\t252', 'e1\t252']);
  const cutOff = { 'd.json': Buffer.from(events(3)).subarray(0, -2) };
  await expect(resultOf('json-documents', cutOff, { overwrite: true })).rejects.toMatchObject({
    name: 'BadRecordError',
    message: expect.stringMatching(/d\.json, byte \d+: the document ends too early/),
  });
});

test('typed parts are read by another job as they were written', async () => {
  const words = Array.from({ length: 20_000 }, (_, i) => `word ${i % 3} é`);
  await resultOf(
    'typed-parts',
    { 'a.txt': Buffer.from(words.join('\n')) },
    { reducers: 3, splitSizeBytes: 1 << 16 },
  );
  const parts = readdirSync(join(folder, 'out')).filter((name) => name.endsWith('.records'));
  const files = Object.fromEntries(parts.map((name) => [name, readFileSync(join(folder, 'out', name))]));
  expect(parts).toHaveLength(3);
  rmSync(join(folder, 'in', 'a.txt'));

  const { lines, report } = await resultOf('from-typed-parts', files, { overwrite: true });

  expect(lines.sort()).toEqual([
    '["word 0 é",8,true] 6667',
    '["word 1 é",8,true] 6667',
    '["word 2 é",8,true] 6666',
  ]);
  expect(report.stages[0]).toMatchObject({ recordsRead: 20_000 });
  const [name, bytes] = Object.entries(files)[0]!;
  const cutOff = { [name]: bytes.subarray(0, -1) };
  await expect(resultOf('from-typed-parts', cutOff, { overwrite: true })).rejects.toMatchObject({
    name: 'CorruptInputError',
    message: expect.stringMatching(
      /part-r-00000\.records: the file cannot be read as records\(\): its footer is missing/,
    ),
  });
});
