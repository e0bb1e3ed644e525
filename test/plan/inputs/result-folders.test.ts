import { describe, expect, test } from 'vitest';
import { bothSides } from './both-stores.ts';

const PART = 'a\t1\n';

function resultAt(folder: string, change: { parts?: readonly string[]; bytes?: number } = {}) {
  const parts = change.parts ?? ['part-r-00000.tsv', 'part-r-00001.tsv'];
  const manifest = JSON.stringify({
    ...{ formatVersion: 1, jobId: 'words-1', jobName: 'words', params: {}, startedAt: '', wallMs: 1 },
    ...{ input: { files: 1, bytes: 1, splits: 1 }, reducers: 2, stages: [] },
    parts: parts.map((name) => ({ name, records: 1, bytes: change.bytes ?? PART.length, crc32: '00000000' })),
    ...{ partitionRecords: [], counters: {}, failures: [] },
  });
  return {
    [`${folder}manifest.json`]: manifest,
    [`${folder}_SUCCESS`]: '',
    [`${folder}_report.html`]: '<html>',
    ...Object.fromEntries(parts.map((name) => [`${folder}${name}`, PART])),
  };
}

const FILES = {
  ...resultAt('out/'),
  'out/notes.txt': 'mine',
  'd/a.txt': 'data',
  ...resultAt('d/out/'),
  ...resultAt('d/out/inner/'),
  'd/z.txt': 'data',
};
const PARTS = ['out/part-r-00000.tsv', 'out/part-r-00001.tsv'];

describe('the result of an earlier job as input, on disk and on a bucket', () => {
  test.each([
    ['out/', PARTS, []],
    ['out/*', PARTS, []],
    ['o*/', PARTS, []],
    ['out/part-*', PARTS, []],
    ['out/*1.tsv', [PARTS[1]], []],
    ['out/manifest.json', ['out/manifest.json'], []],
    ['d/', ['d/a.txt', 'd/z.txt'], ['d/out']],
    ['d/**', ['d/a.txt', 'd/z.txt'], ['d/out']],
    ['d/**/*.t*', ['d/a.txt', 'd/z.txt'], ['d/out']],
    ['d/**/{a.txt,*.tsv}', ['d/a.txt'], ['d/out']],
    ['d/out/', ['d/out/part-r-00000.tsv', 'd/out/part-r-00001.tsv'], []],
    ['d/*/', ['d/out/part-r-00000.tsv', 'd/out/part-r-00001.tsv'], []],
  ])('%s reads parts only, and leaves out what was not named', async (pattern, keys, leftOut) => {
    for (const side of await bothSides(FILES)) {
      expect(await side.select(pattern), side.name).toEqual({ keys, leftOut });
    }
  });

  const { 'd/out/manifest.json': _, 'd/out/_SUCCESS': __, ...parts } = resultAt('d/out/');

  test('is skipped if its job has not finished writing it, and refused if it is named', async () => {
    const begun = {
      disk: `d/out/.mapreduce/job-${'0'.repeat(32)}/replaced/part-r-00000.tsv`,
      bucket: 'd/out/_JOB',
    };
    for (const side of await bothSides({
      ...parts,
      'd/a.txt': 'data',
      [begun.disk]: PART,
      [begun.bucket]: '{}',
    })) {
      for (const pattern of ['d/', 'd/**/*.t*']) {
        expect(await side.select(pattern), side.name).toEqual({ keys: ['d/a.txt'], leftOut: ['d/out'] });
      }
      await expect(side.select('d/out/'), side.name).rejects.toThrow(/has not finished: it has no _SUCCESS/);
      await expect(side.select('d/out/part-*'), side.name).rejects.toThrow(/has not finished/);
    }
  });

  test('is refused if it is named and nothing has been written yet: an empty folder would be an empty input', async () => {
    const begun = {
      disk: `out/.mapreduce/undo-${'0'.repeat(32)}-${'1'.repeat(32)}/replaced/x`,
      bucket: 'out/_JOB',
    };
    for (const side of await bothSides({ [begun.disk]: '', [begun.bucket]: '{}' })) {
      await expect(side.select('out/'), side.name).rejects.toThrow(/has not finished/);
    }
  });

  test('is ordinary data if there are only files with the names of parts, without a trace of a job', async () => {
    for (const side of await bothSides(parts)) {
      expect(await side.select('d/**/part-*'), side.name).toEqual({
        keys: ['d/out/part-r-00000.tsv', 'd/out/part-r-00001.tsv'],
        leftOut: [],
      });
    }
  });

  test('is reported if the folder holds nothing else', async () => {
    for (const side of await bothSides(resultAt('d/out/'))) {
      await expect(side.select('d/'), side.name).rejects.toMatchObject({
        name: 'InputNotFoundError',
        message: expect.stringMatching(
          /holds only results of earlier jobs \(.*d\/out\)\. To read a result, name its own folder/,
        ),
      });
    }
  });

  test.each([
    [
      'without _SUCCESS',
      { ...resultAt('out/'), 'out/_SUCCESS': undefined },
      /has not finished: it has no _SUCCESS/,
    ],
    [
      'with a part gone',
      { ...resultAt('out/'), 'out/part-r-00001.tsv': undefined },
      /part-r-00001\.tsv is in the manifest but does not exist/,
    ],
    [
      'with a part of another size',
      { ...resultAt('out/'), 'out/part-r-00001.tsv': 'more than that' },
      /part-r-00001\.tsv has 14 bytes, but 4 in the manifest/,
    ],
  ])('%s is refused', async (_, files, message) => {
    const there = Object.fromEntries(Object.entries(files).filter(([, text]) => text !== undefined));
    for (const side of await bothSides(there as Record<string, string>)) {
      await expect(side.select('out/'), side.name).rejects.toThrow(message);
    }
  });

  test.each([
    ['a web app', '{"name":"My app","icons":[]}'],
    ['nothing', ''],
    ['names that lead elsewhere', Object.values(resultAt('', { parts: ['../../x'] }))[0]!],
  ])("somebody else's manifest.json, %s, is data like any other", async (_, manifest) => {
    for (const side of await bothSides({ 'd/manifest.json': manifest, 'd/_SUCCESS': '', 'd/a.txt': 'x' })) {
      expect(await side.select('d/'), side.name).toEqual({
        keys: ['d/a.txt', 'd/manifest.json'],
        leftOut: [],
      });
    }
  });
});
