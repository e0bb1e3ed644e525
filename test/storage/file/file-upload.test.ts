import { link, readdir } from 'node:fs/promises';
import { expect, it, vi } from 'vitest';
import { FileStore } from '../../../src/storage/file/file-store.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';

/** Mocked, since the file systems of test machines support links. */
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, link: vi.fn(real.link) };
});

async function newStore(): Promise<FileStore> {
  const root = folderOfTest('file-upload');
  return new FileStore({ root });
}

function fails(code: string): Error {
  return Object.assign(new Error(`${code}: link`), { code });
}

it.each(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])(
  '%s from link() is reported as a lack of hard links',
  async (code) => {
    const store = await newStore();
    vi.mocked(link).mockRejectedValueOnce(fails(code));

    await expect(store.put('part', Buffer.from('a'), { ifNoneMatch: '*' })).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(
        new RegExp(`cannot write .*/part: this file system lacks .* \\(${code}\\)\\. .* with hard links`),
      ),
    });
    expect(await readdir(store.root)).not.toContain('part');
  },
);

it('a folder that may not be written is reported as a lack of permissions', async () => {
  const store = await newStore();
  vi.mocked(link).mockRejectedValueOnce(fails('EACCES'));

  await expect(store.put('part', Buffer.from('a'), { ifNoneMatch: '*' })).rejects.toMatchObject({
    name: 'UsageError',
    message: expect.stringContaining('permission denied (EACCES)'),
  });
});
