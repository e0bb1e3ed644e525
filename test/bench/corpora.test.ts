import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  CORPORA,
  type CorpusName,
  corpusChunks,
  corpusFiles,
  prepareCorpus,
  scaledSizeBytes,
} from '../../bench/corpora.ts';
import { LEXICON_WORDS, lexicon, SLOT_BYTES } from '../../bench/lexicon.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';

const MIB = 1 << 20;

function corpusText(name: CorpusName, sizeBytes: number): string {
  return Buffer.concat(Array.from(corpusChunks(name, sizeBytes), (chunk) => Buffer.from(chunk))).toString(
    'latin1',
  );
}

function shareOfMostFrequent(keys: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts.values().reduce((most, count) => Math.max(most, count)) / keys.length;
}

describe('corpora', () => {
  // A change of these bytes changes the benchmark. Raise the version of the corpus, otherwise cached files stay as they
  // were.
  test.each([
    ['words', '3501603f6b3e271f'],
    ['tokens', '465aeea28caed1d6'],
    ['records', '3d35e6b0f623bf5a'],
    ['access-log', 'c4ddb6a6a8b76a59'],
    ['skewed-words', 'f8212ebd572763b2'],
    ['skewed-records', 'd7007218f6d4704b'],
    ['distinct', 'ef79e55326996136'],
    ['orders-jsonl', '53d7e4e8a606d20e'],
    ['orders-csv', 'ebd2f6137d00425e'],
    ['words-gzip', '3501603f6b3e271f'],
    ['small-files', 'b0a9fa3cdd14dc9c'],
    ['tiny', '849233e2ea2b537c'],
  ] as const)('%s has the same bytes on every machine', (name, checksum) => {
    const text = corpusText(name, 100_100);

    const sha256 = createHash('sha256').update(text, 'latin1').digest('hex').slice(0, 16);

    expect(sha256).toBe(checksum);
    expect(text).toHaveLength(100_100);
    expect(text.at(-1)).toBe('\n');
  });

  test('the lexicon contains 300,000 different words', () => {
    const { slots } = lexicon();

    const words = new Set<string>();
    for (let start = 0; start < slots.length; start += SLOT_BYTES) {
      words.add(
        Buffer.from(slots.subarray(start, start + slots[start + SLOT_BYTES - 1]!)).toString('latin1'),
      );
    }

    expect(words.size).toBe(LEXICON_WORDS);
    expect([...words].every((word) => /^[a-z]{1,15}$/.test(word))).toBe(true);
  });

  test("words follow Zipf's law, with about 6.6 bytes per word and lines of about 80 bytes", () => {
    const text = corpusText('words', 8 * MIB);

    const words = text.toLowerCase().match(/[a-z]+/g)!;
    const lines = text.split('\n');

    const first =
      1 / Array.from({ length: LEXICON_WORDS }, (_, rank) => (rank + 1) ** -1.07).reduce((a, b) => a + b);
    expect(shareOfMostFrequent(words)).toBeCloseTo(first, 2);
    expect(text.length / words.length).toBeCloseTo(6.63, 1);
    expect(text.length / lines.length).toBeGreaterThan(76);
    expect(text.length / lines.length).toBeLessThan(86);
    expect(text).toMatch(/^(?:[A-Za-z][a-z]*[,.]?[ \n])+$/);
  });

  test('almost all tokens are different', () => {
    const tokens = corpusText('tokens', MIB).split(/\s/).slice(0, -2);

    const different = new Set(tokens).size / tokens.length;

    expect(tokens.every((token) => /^[a-z]{12}$/.test(token))).toBe(true);
    expect(different).toBeGreaterThan(0.98);
    expect(different).toBeLessThan(1);
  });

  test('records are 100 bytes of printable ASCII with different keys', () => {
    const records = corpusText('records', 1_000_000).split('\n').slice(0, -1);

    const keys = new Set(records.map((record) => record.slice(0, 10)));

    expect(records).toHaveLength(10_000);
    expect(records.every((record) => /^[!-~]{10} [0-9]{16} [0-9a-f]{71}$/.test(record))).toBe(true);
    expect(keys.size).toBe(10_000);
  });

  test('in the skewed corpora, one key has 60 % of the words or records', () => {
    const words = corpusText('skewed-words', MIB)
      .toLowerCase()
      .match(/[a-z]+/g)!;
    const records = corpusText('skewed-records', MIB - (MIB % 100))
      .split('\n')
      .slice(0, -1);

    const shares = [
      shareOfMostFrequent(words),
      shareOfMostFrequent(records.map((record) => record.slice(0, 10))),
    ];

    expect(shares[0]).toBeCloseTo(0.6, 1);
    expect(shares[1]).toBeCloseTo(0.6, 1);
  });

  test('the distinct words contain no duplicates', () => {
    const count = 1_000_000;

    const words = corpusText('distinct', 13 * count)
      .split(/\s/)
      .slice(0, -1);

    expect(words).toHaveLength(count);
    expect(new Set(words).size).toBe(count);
  });

  test('few lines of the access log are invalid', () => {
    const lines = corpusText('access-log', MIB).split('\n').slice(0, -2);

    const good = lines.filter((line) =>
      /^[\d.]+ - \S+ \[[^\]]+\] "(?:GET|POST|HEAD) \S+ HTTP\/1\.1" \d{3} (?:\d+|-) "[^"]*" "[^"]*"$/.test(
        line,
      ),
    );

    expect(good.length).toBeLessThan(lines.length);
    expect(good.length / lines.length).toBeGreaterThan(0.99);
  });

  test('sizes are whole records in proportion to the scale, but the size of the tiny corpus is fixed', () => {
    const names = Object.keys(CORPORA) as CorpusName[];

    const sizes = names.map((name) => [name, scaledSizeBytes(name, 0.013)] as const);

    for (const [name, size] of sizes) expect(size % CORPORA[name].unitBytes).toBe(0);
    expect(Object.fromEntries(sizes).tiny).toBe(2048);
    expect(scaledSizeBytes('words', 1)).toBe(512 * MIB);
  });

  test('a corpus of gzip files is the text of its chunks, in whole lines', () => {
    const sizeBytes = 8 * 4096;
    const folder = folderOfTest('bench-gzip-corpora');

    const { path } = prepareCorpus({ name: 'small-files', sizeBytes, folder });
    const again = prepareCorpus({ name: 'small-files', sizeBytes, folder });

    const files = corpusFiles(path).map((file) => gunzipSync(readFileSync(file)).toString('latin1'));
    const text = corpusText('small-files', sizeBytes);
    expect(files).toHaveLength(8);
    expect(files.every((file) => file.length === 4096 && file.endsWith('\n'))).toBe(true);
    // Only the last byte of a file may differ.
    expect(files.map((file) => file.slice(0, -1))).toEqual(
      files.map((_, i) => text.slice(4096 * i, 4096 * (i + 1) - 1)),
    );
    expect(again.generatedMs).toBeUndefined();
  });

  test('reuses a file that has the right name and size', () => {
    const folder = folderOfTest('bench-corpora');
    const first = prepareCorpus({ name: 'tiny', sizeBytes: 2048, folder });
    const modified = statSync(first.path).mtimeMs;

    const second = prepareCorpus({ name: 'tiny', sizeBytes: 2048, folder });

    expect(first.generatedMs).toBeDefined();
    expect(second).toEqual({ ...first, generatedMs: undefined });
    expect(statSync(second.path).mtimeMs).toBe(modified);
    expect(readFileSync(second.path, 'latin1')).toBe(corpusText('tiny', 2048));
  });
});
