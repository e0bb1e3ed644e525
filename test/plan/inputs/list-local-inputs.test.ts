import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { listLocalInputs } from '../../../src/plan/inputs/list-local-inputs.ts';
import { FileStore } from '../../../src/storage/file/file-store.ts';
import { folderOfFile } from '../../helpers/temporary-folder.ts';

const store = new FileStore({ root: '/' });
const root = folderOfFile('list-inputs');

async function write(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), `${name}\n`);
  }
}

async function keysOf(...patterns: string[]): Promise<string[]> {
  const files = await listLocalInputs(
    store,
    patterns.map((pattern) => join(root, pattern)),
  );
  return files.map(({ key }) => key.slice(root.length + 1));
}

beforeAll(async () => {
  await write(
    'logs/b.txt',
    'logs/a.txt',
    'logs/B.txt',
    'logs/a/x.txt',
    'logs/a-b.txt',
    'logs/é.txt',
    'logs/\u{1f600}.txt',
    'logs/\uff5e.txt',
  );
  await write('logs/_SUCCESS', 'logs/.hidden', 'logs/_tmp/x.txt', 'logs/.git/config', 'logs/a/_y.txt');
  await write(
    'packed/a.gz',
    'packed/b.GZIP',
    'packed/c.zst',
    'packed/d.zstd',
    'packed/e.txt',
    'odd/[1].txt',
    'odd/1.txt',
  );
  await mkdir(join(root, 'empty'));
});

describe('listLocalInputs()', () => {
  it('lists everything below a folder in byte order, without hidden names', async () => {
    expect(await keysOf('logs')).toEqual([
      'logs/B.txt',
      'logs/a-b.txt',
      'logs/a.txt',
      'logs/a/x.txt',
      'logs/b.txt',
      'logs/é.txt',
      'logs/\uff5e.txt',
      'logs/\u{1f600}.txt',
    ]);
  });

  it('returns size, ETag and compression', async () => {
    const files = await listLocalInputs(store, [join(root, 'packed')]);

    expect(files.map(({ compression }) => compression)).toEqual(['gzip', 'gzip', 'zstd', 'zstd', 'none']);
    expect(files[0]!.sizeBytes).toBe('packed/a.gz\n'.length);
    expect(files[0]!.etag).toBe((await store.head(files[0]!.key))?.etag);
  });

  it('keeps the order of patterns, and lists a file named twice once', async () => {
    expect(await keysOf('logs/b.txt', 'logs/a', 'logs/[ab].txt', 'logs/b.txt')).toEqual([
      'logs/b.txt',
      'logs/a/x.txt',
      'logs/a.txt',
    ]);
  });

  it('lists the matches of a glob in byte order, files only', async () => {
    expect(await keysOf('logs/*.txt')).toEqual([
      'logs/B.txt',
      'logs/a-b.txt',
      'logs/a.txt',
      'logs/b.txt',
      'logs/é.txt',
      'logs/\uff5e.txt',
      'logs/\u{1f600}.txt',
    ]);
    expect(await keysOf('logs/a*')).toEqual(['logs/a-b.txt', 'logs/a.txt']);
    expect(await keysOf('logs/a*/')).toEqual(['logs/a/x.txt']);
    expect(await keysOf('logs/**/x.txt')).toEqual(['logs/a/x.txt']);
    expect(new Set(await keysOf('logs/**'))).toEqual(new Set(await keysOf('logs')));
    expect(await keysOf('{packed,odd}/{a.gz,1.txt}')).toEqual(['odd/1.txt', 'packed/a.gz']);
  });

  it('finds hidden names if the pattern spells them out', async () => {
    expect(await keysOf('logs/_*')).toEqual(['logs/_SUCCESS']);
    expect(await keysOf('logs/_*/*')).toEqual(['logs/_tmp/x.txt']);
    expect(await keysOf('{logs/_S*,logs/a/x*}')).toEqual(['logs/_SUCCESS', 'logs/a/x.txt']);
    expect(await keysOf('log[s]/**', 'logs/.hidden')).toHaveLength(9);
    expect(await keysOf('logs/.hidden', 'logs/_tmp')).toEqual(['logs/.hidden', 'logs/_tmp/x.txt']);
  });

  it('uses a name that exists literally, even if it looks like a glob', async () => {
    expect(await keysOf('odd/[1].txt')).toEqual(['odd/[1].txt']);
  });

  it('accepts paths relative to the current folder', async () => {
    const files = await listLocalInputs(store, ['package.json', './src/formats/text/text-line?.ts']);

    expect(files.map(({ key }) => key)).toEqual([
      join(process.cwd(), 'package.json'),
      join(process.cwd(), 'src/formats/text/text-lines.ts'),
    ]);
  });

  it('lists no files for an empty folder', async () => {
    expect(await keysOf('empty')).toEqual([]);
  });

  it('names a missing path and suggests a similar one', async () => {
    await expect(keysOf('logs/a.tx')).rejects.toMatchObject({
      name: 'InputNotFoundError',
      message: expect.stringMatching(
        /^the input '.*logs\/a\.tx' does not exist.*Did you mean '.*\/logs\/a\.txt'\?$/,
      ),
    });
    await expect(keysOf('log/a.txt')).rejects.toMatchObject({
      message: expect.stringMatching(/there is no 'log' in .*Did you mean '.*\/logs'/),
    });
    await expect(listLocalInputs(store, ['rows=no/such/a.csv'])).rejects.toMatchObject({
      message: expect.stringMatching(
        /If 'no\/such\/a\.csv' is the path, remove the name: only jobs with several/,
      ),
    });
    await expect(keysOf('nothing-like-that')).rejects.toMatchObject({
      message: expect.stringContaining('Check the path.'),
    });
    await expect(keysOf('logs/a.txt/below')).rejects.toMatchObject({ name: 'InputNotFoundError' });
  });

  it('reports that a glob matches nothing', async () => {
    await expect(keysOf('logs/*.csv')).rejects.toMatchObject({
      name: 'InputNotFoundError',
      message: expect.stringMatching(/no file in .*logs\/ matches '.*logs\/\*\.csv'/),
    });
  });

  it('refuses a file that cannot be read, and an empty name', async () => {
    await symlink(join(root, 'circle'), join(root, 'circle'));

    await expect(keysOf('circle')).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/cannot read the input .*circle.*circle/),
    });
    await expect(listLocalInputs(store, ['/dev/null'])).rejects.toMatchObject({ name: 'UsageError' });
    await expect(listLocalInputs(store, [''])).rejects.toMatchObject({ name: 'UsageError' });
  });

  describe.skipIf(process.platform === 'darwin')('a name that is not UTF-8', () => {
    const bytes = (name: string) => Buffer.from(join(root, name), 'latin1');

    beforeAll(async () => {
      await write('latin/a.log', 'latin/b.log', 'latin/sub/x.txt', 'latin/utf-8-\ufffd.txt');
      await writeFile(bytes('latin/bad\xe9'), 'x');
      await write('hidden-latin/a.log');
      await writeFile(bytes('hidden-latin/_bad\xe9'), 'x');
      await mkdir(bytes('hidden-latin/.bad\xe9'));
      await write('folders/sub/x.txt', 'links/sub/x.txt', 'twins/bad\ufffd');
      await mkdir(bytes('folders/d\xe9'));
      await writeFile(bytes('folders/d\xe9/x.txt'), 'x');
      await symlink('sub', bytes('links/d\xe9'));
      await writeFile(bytes('twins/bad\xff'), 'x');
    });

    it.each([
      ['latin/*.log', ['latin/a.log', 'latin/b.log']],
      ['latin/[a-b]*g', ['latin/a.log', 'latin/b.log']],
      ['latin/*/*', ['latin/sub/x.txt']],
      ['latin/**/*.txt', ['latin/sub/x.txt', 'latin/utf-8-\ufffd.txt']],
      ['latin/utf-8-\ufffd.txt', ['latin/utf-8-\ufffd.txt']],
      ['latin/utf-8-?.*', ['latin/utf-8-\ufffd.txt']],
      ['hidden-latin', ['hidden-latin/a.log']],
      ['hidden-latin/*', ['hidden-latin/a.log']],
      ['folders/s*/x.txt', ['folders/sub/x.txt']],
      ['links/s*/x.txt', ['links/sub/x.txt']],
    ])('is passed over by what leaves it out: %s', async (pattern, selects) => {
      expect(await keysOf(pattern)).toEqual(selects);
    });

    it('is skipped by a glob that matches nothing', async () => {
      await expect(keysOf('latin/[!a-z]')).rejects.toMatchObject({ name: 'InputNotFoundError' });
    });

    it.each([
      ['latin', 'latin/bad'],
      ['latin/*', 'latin/bad'],
      ['latin/bad?', 'latin/bad'],
      ['latin/{a.log,bad\ufffd}', 'latin/bad'],
      ['latin/bad\ufffd', 'latin/bad'],
      ['hidden-latin/_*', 'hidden-latin/_bad'],
      ['folders', 'folders/d'],
      ['folders/*/x.txt', 'folders/d'],
      ['folders/d\ufffd', 'folders/d'],
      ['folders/d\ufffd/x.txt', 'folders/d'],
      ['links', 'links/d'],
      ['links/*/x.txt', 'links/d'],
      ['twins', 'twins/bad'],
    ])('is refused where it is asked for: %s', async (pattern, name) => {
      await expect(keysOf(pattern)).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(new RegExp(`^cannot list .*/${name}\ufffd: its name is not UTF-8`)),
      });
    });

    it('is never suggested', async () => {
      await expect(keysOf('latin/bat')).rejects.toMatchObject({
        name: 'InputNotFoundError',
        message: expect.stringContaining('Check the path.'),
      });
    });
  });
});
