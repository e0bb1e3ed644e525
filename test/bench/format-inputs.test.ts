import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { writeFormatInput } from '../../bench/format-inputs.ts';
import { FORMAT_CASE_NAMES } from '../../bench/format-memory.ts';
import type { InputKind } from '../../bench/jobs/format-cases.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';

const BLOCK_BYTES = 1 << 20;

function inputOf(kind: InputKind, blocks: number): { records: number; files: Buffer[] } {
  const folder = folderOfTest('bench-format-inputs');
  const records = writeFormatInput(kind, { blocks, blockBytes: BLOCK_BYTES, folder });
  const files = readdirSync(folder)
    .sort()
    .map((name) => readFileSync(join(folder, name)));
  return { records, files };
}

function lineCount(text: string): number {
  return text.split('\n').length - 1;
}

describe('the inputs of the memory proof of formats', () => {
  // Five blocks in four files: one file has two blocks.
  test.each<[InputKind, (file: Buffer) => number]>([
    ['text', (file) => lineCount(file.toString())],
    ['gzip text', (file) => lineCount(gunzipSync(file).toString())],
    ['fixed', (file) => file.length / 100],
    ['csv', (file) => parse(file, { columns: true }).length],
    ['tsv', (file) => parse(file, { delimiter: '\t', quote: null }).length],
    [
      'json lines',
      (file) =>
        file
          .toString()
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)).length,
    ],
    ['json documents', (file) => (JSON.parse(file.toString()) as { orders: unknown[] }).orders.length],
  ])('%s holds as many records as reported', (kind, countOf) => {
    const { records, files } = inputOf(kind, 5);

    expect(files).toHaveLength(4);
    expect(files.reduce((sum, file) => sum + countOf(file), 0)).toBe(records);
  });

  test('zstd text is valid', () => {
    const { records, files } = inputOf('zstd text', 4);

    const counts = files.map((file) => lineCount(zstdDecompressSync(file).toString()));

    expect(counts.reduce((sum, count) => sum + count)).toBe(records);
  });

  test('many files have one block each', () => {
    const { records, files } = inputOf('many files', 9);

    expect(records).toBe(9);
    expect(files.map((file) => file.length)).toEqual(files.map(() => BLOCK_BYTES));
  });

  test('every case has a name of its own', () => {
    expect(new Set(FORMAT_CASE_NAMES).size).toBe(FORMAT_CASE_NAMES.length);
    expect(FORMAT_CASE_NAMES.length).toBeGreaterThan(20);
  });
});
