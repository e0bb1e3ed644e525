import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { downloadResults, startOfResult } from '../../../src/aws/client/results.ts';
import { crc32Text } from '../../../src/base/crc32-text.ts';
import type { JobReport, PartReport } from '../../../src/report/report.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';
import { allBelow, folderWith } from '../../cli/cli-process.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';

let folder: string;

beforeEach(() => {
  folder = folderOfTest('results-test');
});

describe('results from AWS', () => {
  const checksum = (text: string) => crc32(text).toString(16).padStart(8, '0');
  const stored = async (texts: readonly string[], folders: readonly string[] = []) => {
    const store = new MemoryStore();
    const parts = texts.map((text, index) => ({
      name:
        folders[index] === undefined
          ? `part-r-0000${index}.tsv`
          : `${folders[index]}/part-r-0000${index}.9.tsv`,
      records: text === '' ? 0 : text.split('\n').length - 1,
      bytes: text.length,
      crc32: checksum(text),
    }));
    for (const [index, { name }] of parts.entries()) {
      await store.put(`output/job/${name}`, Buffer.from(texts[index]!));
    }
    const report = reportOf(parts);
    await store.put('output/job/manifest.json', Buffer.from(JSON.stringify(report)));
    return { store, report };
  };
  const options = (report: JobReport, overwrite = false) => ({
    report,
    page: '<!doctype html>',
    outputPrefix: 'output/job/',
    folder: join(folder, 'results'),
    overwrite,
    onBytes: () => {},
  });

  test('are downloaded completely, with the manifest and _SUCCESS', async () => {
    const { store, report } = await stored(['', 'a\t1\n', 'b\t2\nc\t3\n']);

    await downloadResults(store, options(report));

    expect(readdirSync(join(folder, 'results')).sort()).toEqual([
      '_SUCCESS',
      '_report.html',
      'manifest.json',
      'part-r-00000.tsv',
      'part-r-00001.tsv',
      'part-r-00002.tsv',
    ]);
    expect(readFileSync(join(folder, 'results/part-r-00002.tsv'), 'utf8')).toBe('b\t2\nc\t3\n');
    const { parts } = report;
    expect(await startOfResult(store, { outputPrefix: 'output/job/', parts, bytesMax: 3 })).toEqual({
      name: 'part-r-00001.tsv',
      start: 'a\t1',
    });
  });

  test('may be in folders, which are made, replaced and removed with them', async () => {
    const first = await stored(['a\t1\n', 'b\t2\n'], ['k=1/l=2', 'k=3']);
    const second = await stored(['c\t3\n'], ['k=3']);
    const target = join(folder, 'results');

    await downloadResults(first.store, options(first.report));
    expect(readFileSync(join(target, 'k=1/l=2/part-r-00000.9.tsv'), 'utf8')).toBe('a\t1\n');
    await expect(downloadResults(second.store, options(second.report))).rejects.toThrow('add --overwrite');
    await downloadResults(second.store, options(second.report, true));

    expect(readFileSync(join(target, 'k=3/part-r-00000.9.tsv'), 'utf8')).toBe('c\t3\n');
    expect(readdirSync(target).sort()).toEqual(['_SUCCESS', '_report.html', 'k=3', 'manifest.json']);
    expect(readdirSync(join(target, 'k=3'))).toEqual(['part-r-00000.9.tsv']);
  });

  test('are never written through a link to a folder, or over a foreign file in one', async () => {
    const { store, report } = await stored(['a\t1\n'], ['k=1']);
    const elsewhere = folderWith({ 'part-r-00000.9.tsv': 'mine' });
    const linked = folderOfTest('results-linked');
    symlinkSync(elsewhere, join(linked, 'k=1'));
    const foreign = folderOfTest('results-foreign');
    mkdirSync(join(foreign, 'k=1'));
    writeFileSync(join(foreign, 'k=1/part-r-00000.9.tsv'), 'mine');

    for (const target of [linked, foreign]) {
      await expect(
        downloadResults(store, { ...options(report, true), folder: target }),
      ).rejects.toMatchObject({
        name: 'OutputExistsError',
      });
      expect(readFileSync(join(target, 'k=1/part-r-00000.9.tsv'), 'utf8')).toBe('mine');
    }
  });

  test('in folders that cannot be downloaded leave no folders', async () => {
    const parts = ['a\t1\n', 'b\t2\n', 'c\t3\n', 'd\t4\n'];
    const { store, report } = await stored(parts, ['k=1', 'k=2', 'k=3', 'k=4']);
    await store.delete(['output/job/k=2/part-r-00001.9.tsv']);

    // Parts are downloaded side by side; none may still arrive when the others are removed.
    for (let turn = 0; turn < 50; turn++) {
      await expect(downloadResults(store, options(report))).rejects.toMatchObject({
        name: 'ObjectNotFoundError',
      });

      expect(readdirSync(join(folder, 'results'))).toEqual([]);
    }
  });

  test('replace others only on request', async () => {
    const { store, report } = await stored(['a\t1\n']);
    await downloadResults(store, options(report));

    await expect(downloadResults(store, options(report))).rejects.toThrow('add --overwrite');
    await downloadResults(store, options(report, true));

    expect(readFileSync(join(folder, 'results/part-r-00000.tsv'), 'utf8')).toBe('a\t1\n');
  });

  test('that changed after the job are rejected, and the earlier download stays', async () => {
    const { store, report } = await stored(['a\t1\n']);
    await downloadResults(store, options(report));
    await store.put('output/job/part-r-00000.tsv', Buffer.from('a\t2\n'));

    await expect(downloadResults(store, options(report, true))).rejects.toThrow(
      'the object was changed after the job',
    );

    const names = ['_SUCCESS', '_report.html', 'manifest.json', 'part-r-00000.tsv'];
    expect(readdirSync(join(folder, 'results')).sort()).toEqual(names);
    expect(readFileSync(join(folder, 'results/part-r-00000.tsv'), 'utf8')).toBe('a\t1\n');
  });
});

describe('a folder for results from AWS', () => {
  const MANIFEST = JSON.stringify(
    reportOf([{ name: 'part-r-00007.tsv', records: 0, bytes: 0, crc32: '00000000' }]),
  );

  test.each([
    ['part-r-00000.tsv', 'mine'],
    ['manifest.json', '{"name":"A web app"}'],
    ['_SUCCESS', ''],
  ])('with a foreign %s is rejected, even with --overwrite', async (name, text) => {
    const target = folderWith({ [name]: text });

    await expect(download(target, true)).rejects.toThrow(
      `holds a ${name} that no earlier result there lists`,
    );

    expect(allBelow(target)).toEqual([name]);
    expect(readFileSync(join(target, name), 'utf8')).toBe(text);
  });

  test('keeps files that no manifest lists when an earlier result is replaced', async () => {
    const target = folderWith({
      'manifest.json': MANIFEST,
      'part-r-00007.tsv': 'earlier',
      'part-r-00008.tsv': 'mine',
      'merged.csv': 'mine',
    });

    await download(target, true);

    expect(allBelow(target)).toEqual([
      ...['_SUCCESS', '_report.html', 'manifest.json', 'merged.csv', 'part-r-00000.tsv', 'part-r-00008.tsv'],
    ]);
  });

  test('is the only folder written to, even if it contains links', async () => {
    const outside = folderWith({ victim: 'kept' });
    const target = folderWith({ 'manifest.json': MANIFEST });
    for (const name of ['part-r-00000.tsv.downloading', 'part-r-00007.tsv', '_SUCCESS.downloading']) {
      symlinkSync(join(outside, 'victim'), join(target, name));
    }

    await download(target, true);

    expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('kept');
    expect(readFileSync(join(target, 'part-r-00000.tsv'), 'utf8')).toBe('a\t1\n');
  });

  test.each(['../../x', '/tmp/x', '..', 'manifest.json', 'sub/part-r-00000.tsv'])(
    'never writes a part with the name %s',
    async (name) => {
      const above = folderOfTest('results-test');
      const target = join(above, 'target');

      await expect(download(target, true, name)).rejects.toMatchObject({ name: 'UsageError' });

      expect(existsSync(target)).toBe(false);
      expect(readdirSync(above)).toEqual([]);
    },
  );

  async function download(target: string, overwrite: boolean, name = 'part-r-00000.tsv'): Promise<void> {
    const bytes = Buffer.from('a\t1\n');
    const store = new MemoryStore();
    await store.put('output/job/part-r-00000.tsv', bytes);
    const report = reportOf([{ name, records: 1, bytes: bytes.length, crc32: crc32Text(crc32(bytes)) }]);
    await store.put('output/job/manifest.json', Buffer.from(JSON.stringify(report)));
    await downloadResults(store, {
      ...{ report, page: '', outputPrefix: 'output/job/', folder: target, overwrite },
      onBytes: () => {},
    });
  }
});

function reportOf(parts: readonly PartReport[]): JobReport {
  return {
    ...{
      formatVersion: 1,
      jobId: 'job' as JobReport['jobId'],
      jobName: 'job',
      params: {},
      startedAt: '',
      wallMs: 0,
    },
    ...{ input: { files: 0, bytes: 0, splits: 0 }, reducers: 1, stages: [], parts },
    ...{ partitionRecords: [], counters: {}, failures: [] },
  };
}
