import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { planInputs, uploadInputs } from '../../../src/aws/client/uploads.ts';
import { jobId } from '../../../src/base/ids.ts';
import { listLocalInputs } from '../../../src/plan/inputs/list-local-inputs.ts';
import { listStoredInputs } from '../../../src/plan/inputs/list-stored-inputs.ts';
import { FileStore } from '../../../src/storage/file/file-store.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';

const JOB = { job: jobId('job'), bucket: 'bucket' };
let folder: string;

beforeEach(() => {
  folder = folderOfTest('uploads-test');
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

describe('inputs for AWS', () => {
  test('uploads files under keys that keep the order in which they are read locally', async () => {
    write({ 'in/b.txt': 'B', 'in/a/z.txt': 'Z', 'in/a.txt': 'A', 'in/.hidden': 'H', 'one.txt': '1' });
    const names = [join(folder, 'one.txt'), join(folder, 'in'), join(folder, 'in/*.txt')];
    const store = new MemoryStore();
    let sent = 0;

    const { inputs, uploads } = await planInputs(names, JOB);
    await uploadInputs(store, uploads, (bytes) => {
      sent += bytes;
    });

    const here = await listLocalInputs(new FileStore({ root: '/' }), names);
    const there = await listStoredInputs(store, inputs);
    expect(inputs).toEqual(['data/job/000/', 'data/job/001/']);
    expect(there.map(({ key }) => key)).toEqual([
      'data/job/000/one.txt',
      'data/job/001/a.txt',
      'data/job/001/a/z.txt',
      'data/job/001/b.txt',
    ]);
    const texts = await Promise.all(there.map(async ({ key }) => (await store.get(key)).toString()));
    expect(texts).toEqual(here.map(({ key }) => readFileSync(key, 'utf8')));
    expect(sent).toBe(4);
  });

  test('uploads a hidden file if it is named', async () => {
    write({ _log: 'x' });

    const { inputs } = await planInputs([join(folder, '_log')], JOB);

    expect(inputs).toEqual(['data/job/000/_log']);
  });

  test('names objects of the bucket without uploading them', async () => {
    const names = ['s3://bucket/data/logs/', 'data/more/*.gz', 's3://bucket/output/first/part-*'];

    const { inputs, uploads } = await planInputs(names, JOB);

    expect(uploads).toEqual([]);
    expect(inputs).toEqual(['data/logs/', 'data/more/*.gz', 'output/first/part-*']);
  });

  test('rejects another bucket, a whole bucket, a missing file and an empty list', async () => {
    mkdirSync(join(folder, 'empty'));

    await expect(planInputs(['s3://other/data/'], JOB)).rejects.toThrow('is in another bucket');
    await expect(planInputs(['s3://bucket/'], JOB)).rejects.toThrow('is the whole bucket');
    await expect(planInputs([join(folder, 'nowhere')], JOB)).rejects.toThrow('does not exist');
    await expect(planInputs([join(folder, 'empty')], JOB)).rejects.toThrow('there are no files');
  });
});
