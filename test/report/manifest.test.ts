import { describe, expect, test } from 'vitest';
import { parseManifest } from '../../src/report/manifest.ts';

const MANIFEST = {
  formatVersion: 1,
  jobId: 'words-1a2b',
  jobName: 'words',
  params: { constructor: 'x', case: 'lower', limit: 3, merge: true },
  startedAt: '2026-01-01T00:00:00.000Z',
  wallMs: 12,
  input: { files: 1, bytes: 10, splits: 1 },
  reducers: 1,
  stages: [],
  parts: [{ name: 'part-r-00000.tsv', records: 1, bytes: 2, crc32: '0a1b2c3d' }],
  partitionRecords: [1],
  counters: { 'bad lines': 3, toString: 1 },
  failures: [],
};

function textOf(change: object = {}): string {
  return JSON.stringify({ ...MANIFEST, ...change });
}

describe('parseManifest', () => {
  test('returns what a job has written, with names of all kinds', () => {
    expect(parseManifest(textOf(), 'manifest.json')).toEqual(MANIFEST);
  });

  test('keeps parameters and counters with names of Object.prototype', () => {
    const text = textOf().replace('"case"', '"__proto__"').replace('"bad lines"', '"__proto__"');

    const { params, counters } = parseManifest(text, 'manifest.json');

    expect(Object.entries(params)).toContainEqual(['__proto__', 'lower']);
    expect(Object.entries(params)).toContainEqual(['constructor', 'x']);
    expect(Object.entries(counters)).toContainEqual(['__proto__', 3]);
  });

  test('accepts a long message of an error', () => {
    const failures = [
      {
        taskId: 'm-00000',
        attemptId: 'm-00000.0',
        error: { name: 'UserCodeError', message: 'x'.repeat(1_000_000) },
      },
    ];

    expect(parseManifest(textOf({ failures }), 'manifest.json')).toEqual({ ...MANIFEST, failures });
  });

  test.each([
    '../../x',
    '/etc/passwd',
    'part-r-00000.tsv/../../x',
    'part-r-00000./../x',
    'part-r-00000.tsv\0',
    'part-r-00000.\u001b[2J',
    'part-r-00000.tsv\n',
    'sub/part-r-00000.tsv',
    'part-r-00000\\x.tsv',
    'notes.txt',
    '',
    '..',
  ])('refuses a part with the name %j', (name) => {
    const text = textOf({ parts: [{ ...MANIFEST.parts[0], name }] });

    expect(() => parseManifest(text, 'x/manifest.json')).toThrow(
      /^x\/manifest\.json is not the manifest of a job of this version of mapreduce: parts\.0\.name/,
    );
  });

  test.each([
    ['not JSON', '{"a":'],
    ['it:', 'null'],
    ['formatVersion:', '[]'],
    ['it:', '"text"'],
    ['formatVersion:', textOf({ formatVersion: 2 })],
    ['jobId:', textOf({ jobId: '\u001b[31mx' })],
    ['jobId:', textOf({ jobId: '../x' })],
    ['params.case:', textOf({ params: { case: null } })],
    ['params:', textOf({ params: [] })],
    ['counters.a:', textOf({ counters: { a: 'b' } })],
    ['parts.0.bytes:', textOf({ parts: [{ ...MANIFEST.parts[0], bytes: -1 }] })],
    ['parts.0.bytes:', textOf({ parts: [{ ...MANIFEST.parts[0], bytes: 1.5 }] })],
    ['parts.0.crc32:', textOf({ parts: [{ ...MANIFEST.parts[0], crc32: 'x' }] })],
    ['name:', '{"name":"My app","icons":[]}'],
  ])('names %s as the invalid field of %s', (where, text) => {
    const expected = where === 'name:' ? 'formatVersion' : where;

    expect(() => parseManifest(text, 'm')).toThrow(expected);
    expect(() => parseManifest(text, 'm')).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });
});
