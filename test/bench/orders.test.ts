import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { corpusChunks } from '../../bench/corpora.ts';

const MIB = 1 << 20;
// More than one chunk, so that a chunk's end lies inside the corpus.
const SIZE_BYTES = 5 * MIB;

function corpusText(name: 'orders-jsonl' | 'orders-csv', sizeBytes: number): string {
  return Buffer.concat(Array.from(corpusChunks(name, sizeBytes), (chunk) => Buffer.from(chunk))).toString();
}

describe('the orders', () => {
  test('as CSV have ten columns in each record, one in ten with a quoted field, and some with line ends in it', () => {
    const text = corpusText('orders-csv', SIZE_BYTES);

    const records: Record<string, string>[] = parse(text, { columns: true });

    const quoted = records.filter(({ note }) => /[",\n]/.test(note!));
    const withLineEnd = records.filter(({ note }) => note!.includes('\n'));
    expect(records.every((record) => Object.keys(record).length === 10)).toBe(true);
    expect(quoted.length / records.length).toBeCloseTo(0.1, 2);
    expect(withLineEnd.length).toBeGreaterThan(10);
    expect(withLineEnd.length / records.length).toBeLessThan(1 / 1000);
  });

  test('as JSON Lines have ten fields of mixed types in each line', () => {
    const lines = corpusText('orders-jsonl', SIZE_BYTES).trimEnd().split('\n');

    const orders = lines.map((line) => JSON.parse(line) as Record<string, unknown>);

    expect(orders.every((order) => Object.keys(order).length === 10)).toBe(true);
    const types = new Set(Object.values(orders[0]!).map((value) => typeof value));
    expect(types).toEqual(new Set(['number', 'string', 'boolean', 'object']));
  });

  test('have some thousand products, and amounts whose sum does not depend on their order', () => {
    const records: Record<string, string>[] = parse(corpusText('orders-csv', SIZE_BYTES), { columns: true });

    const products = new Set(records.map(({ product }) => product));

    expect(products.size).toBeGreaterThan(3_000);
    expect(products.size).toBeLessThanOrEqual(4_000);
    expect(records.every(({ amount }) => Number.isInteger(Number(amount) * 4))).toBe(true);
  });

  test.each([
    ['orders-jsonl', 2_000],
    ['orders-jsonl', 4 * MIB],
    ['orders-jsonl', 4 * MIB + 1],
    ['orders-csv', 2_000],
    ['orders-csv', 4 * MIB],
    ['orders-csv', 4 * MIB + 1],
  ] as const)('%s of %i bytes end with a whole record', (name, sizeBytes) => {
    const text = corpusText(name, sizeBytes);

    const last = text.slice(text.lastIndexOf('\n', text.length - 2) + 1);

    expect(Buffer.byteLength(text)).toBe(sizeBytes);
    if (name === 'orders-jsonl') expect(JSON.parse(last)).toHaveProperty('product');
    else expect(last.split(',').length).toBeGreaterThanOrEqual(10);
  });
});
