import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  appendFile,
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isMainThread, Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileStore } from '../../../src/storage/file/file-store.ts';
import { keysOf } from '../../helpers/keys-of.ts';
import { folderOfFile } from '../../helpers/temporary-folder.ts';
import { contentOf, describeObjectStoreContract, infosOf } from '../object-store-contract.ts';
import type { Act, FillOutcome } from './file-store-actor.ts';

const home = folderOfFile('file-store');

const newRoot = () => mkdtemp(join(home, 'root-'));
const newStore = async () => new FileStore({ root: await newRoot() });

describeObjectStoreContract(
  'FileStore',
  async () => new FileStore({ root: join(await newRoot(), 'not/made/yet') }),
  { replacesOnCondition: false },
);

describe('FileStore', () => {
  describe('the folder', () => {
    it('holds objects as plain files, and nothing else after a cleanup', async () => {
      const store = await newStore();
      await store.put('part-r-00000.txt', Buffer.from('a\t1\n'));
      await store.put('sub/b', Buffer.from('b'));

      await store.cleanup();

      expect(await filesBelow(store.root)).toEqual(['part-r-00000.txt', 'sub', 'sub/b']);
      expect(await readFile(join(store.root, 'part-r-00000.txt'), 'utf8')).toBe('a\t1\n');
    });

    it('keeps no hidden files except the metadata of existing objects', async () => {
      const store = await newStore();
      const put = (key: string) => store.put(key, Buffer.from(key), { metadata: { key } });
      await put('deleted');
      await put('replaced');
      await store.delete(['deleted']);
      await store.put('replaced', Buffer.from('x'));
      const { etag } = await put('living');
      await expect(
        store.put('living', Buffer.from('late'), { ifNoneMatch: '*', metadata: { a: 'b' } }),
      ).rejects.toThrow();

      expect(await readdir(join(store.root, '.mapreduce/metadata'))).toEqual([etag]);
      expect(await readdir(join(store.root, '.mapreduce/uploads'))).toEqual([]);
    });

    it('holds no files of the store after a cleanup that forgets metadata', async () => {
      const store = await newStore();
      await store.put('a', Buffer.from('a'), { metadata: { x: 'y' } });

      await store.cleanup({ forgetMetadata: true });

      expect(await filesBelow(store.root)).toEqual(['a']);
      expect((await store.head('a'))?.metadata).toEqual({});
    });

    it('removes folders that deletion empties, up to the root but not the root itself', async () => {
      const store = await newStore();
      await store.put('a/b/c/d', Buffer.from('d'));
      await store.put('a/e', Buffer.from('e'));
      await store.cleanup();

      await store.delete(['a/b/c/d']);
      expect(await filesBelow(store.root)).toEqual(['a', 'a/e']);

      await store.delete(['a/e']);
      expect(await filesBelow(store.root)).toEqual([]);
    });

    it('may be absent, and is then empty', async () => {
      const store = new FileStore({ root: join(home, 'never/made') });

      expect(await keysOf(store, '')).toEqual([]);
      expect(await store.head('a')).toBeUndefined();
      await store.delete(['a']);
      await store.cleanup();
    });
  });

  describe('crash residue', () => {
    it('of a killed process is invisible, does not block the key, and is removed by a cleanup', async () => {
      const store = await newStore();
      await store.put('living', Buffer.from('x'), { metadata: { attempt: '0' } });

      const { signal } = spawnSync(process.execPath, actorArguments({ act: 'die', root: store.root }));

      expect(signal).toBe('SIGKILL');
      expect(await readdir(join(store.root, '.mapreduce/uploads'))).toHaveLength(1);
      expect(await keysOf(store, '')).toEqual(['living']);
      expect(await store.head('folder/never')).toBeUndefined();
      await store.put('folder/never', Buffer.from('second attempt'), { ifNoneMatch: '*' });
      await store.cleanup();
      expect(await filesBelow(join(store.root, '.mapreduce'))).toEqual([
        'metadata',
        expect.stringContaining('metadata/'),
      ]);
      expect((await store.head('living'))?.metadata).toEqual({ attempt: '0' });
    });

    it('between writing metadata and the commit is metadata without an object, which a cleanup removes', async () => {
      const store = await newStore();
      const { etag } = await store.put('living', Buffer.from('x'), { metadata: { attempt: '0' } });
      await writeFile(join(store.root, '.mapreduce/metadata/1-2-3'), '{"attem');

      await store.cleanup();

      expect(await readdir(join(store.root, '.mapreduce/metadata'))).toEqual([etag]);
    });

    it('between the commit and the removal of the upload does not affect the object', async () => {
      const store = await newStore();
      await store.put('a', Buffer.from('whole'), { metadata: { attempt: '0' } });
      const info = await store.head('a');
      await link(join(store.root, 'a'), join(store.root, '.mapreduce/uploads/second-name'));

      expect(await store.head('a')).toEqual(info);
      await store.cleanup();
      expect(await store.head('a')).toEqual(info);
      expect((await store.get('a')).toString()).toBe('whole');
    });
  });

  describe('ETags', () => {
    it('differ for small objects of one size written in quick succession, even if an inode is reused', async () => {
      const store = await newStore();
      const etags = new Set<string>();
      for (let version = 0; version < 300; version++) {
        etags.add((await store.put('a', Buffer.from([version % 256]))).etag);
        await store.delete(['a']);
      }

      expect(etags.size).toBe(300);
    });

    it('differ even if the clock stands still or goes back', async () => {
      const store = new FileStore({ root: await newRoot(), nowMs: () => 1_700_000_000_000 });
      const etags = new Set<string>();
      for (let version = 0; version < 50; version++) {
        etags.add((await store.put('a', Buffer.from([version]))).etag);
        await store.delete(['a']);
      }

      expect(etags.size).toBe(50);
    });

    it('use a time that the store sets, since the clock of the file system is too coarse', async () => {
      const aheadMs = Date.now() + 30_000;
      const store = new FileStore({ root: await newRoot(), nowMs: () => aheadMs });

      await store.put('a', Buffer.from('abc'));

      const { mtimeMs } = await stat(join(store.root, 'a'));
      expect(mtimeMs).toBeGreaterThanOrEqual(aheadMs);
      expect(mtimeMs).toBeLessThan(aheadMs + 1000);
    });

    it('change when a file is edited in place', async () => {
      const store = await newStore();
      const { etag } = await store.put('a', Buffer.from('abc'));
      const path = join(store.root, 'a');

      await writeFile(path, 'xyz');

      expect((await store.head('a'))?.etag).not.toBe(etag);
      await expect(store.get('a', { ifMatch: etag })).rejects.toMatchObject({
        name: 'PreconditionFailedError',
      });
    });

    it('depend on the time of the last write, not on the name', async () => {
      const store = await newStore();
      const { etag } = await store.put('a', Buffer.from('abc'), { ifNoneMatch: '*' });
      const { mtimeMs } = await stat(join(store.root, 'a'));

      expect(Math.abs(mtimeMs - Date.now())).toBeLessThan(60_000);
      await utimes(join(store.root, 'a'), 1, 1);
      expect((await store.head('a'))?.etag).not.toBe(etag);
    });
  });

  describe('a file that is written to while it is read', () => {
    it.each([
      ['grows', (path: string) => appendFile(path, 'more')],
      ['shrinks', (path: string) => writeFile(path, 'less')],
      ['is rewritten with the same length', (path: string) => writeFile(path, Buffer.alloc(100_000, 'y'))],
    ])('fails the stream when it %s', async (_, change) => {
      const store = await newStore();
      const { etag } = await store.put('a', Buffer.alloc(100_000, 'x'));
      const stream = store.stream('a', { chunkSizeBytes: 1000, ifMatch: etag });
      await stream.next();

      await change(join(store.root, 'a'));

      await expect(contentOf(stream)).rejects.toMatchObject({ name: 'PreconditionFailedError' });
    });

    it('fails a reader that stops before the end', async () => {
      const store = await newStore();
      const { etag } = await store.put('a', Buffer.alloc(100_000, 'x'));
      const path = join(store.root, 'a');
      const read = async (change: () => Promise<void>) => {
        let bytes = 0;
        for await (const chunk of store.stream('a', { chunkSizeBytes: 1000, ifMatch: etag })) {
          bytes += chunk.length;
          if (bytes === 3_000) await change();
          if (bytes === 50_000) break;
        }
      };

      await read(async () => {});
      const changed = read(() => writeFile(path, Buffer.alloc(100_000, 'y')));

      await expect(changed).rejects.toMatchObject({ name: 'PreconditionFailedError' });
    });

    it('does not disturb the stream when a new object replaces it', async () => {
      const store = await newStore();
      await store.put('a', Buffer.alloc(100_000, 'x'));
      const stream = store.stream('a', { chunkSizeBytes: 1000 });
      await stream.next();

      await store.put('a', Buffer.from('new'));

      expect((await contentOf(stream)).equals(Buffer.alloc(99_000, 'x'))).toBe(true);
    });
  });

  describe('keys', () => {
    it.each([
      ['../a'],
      ['a/../b'],
      ['..'],
      ['./a'],
      ['a//b'],
      ['a/'],
      [''],
      ['/a'],
      ['a\0b'],
      ['\ud800'],
      ['.mapreduce/uploads/x'],
      ['a/.mapreduce/b'],
    ])('refuses %j in every operation', async (key) => {
      const store = await newStore();
      const refusal = { name: 'UsageError', message: expect.stringContaining('cannot be a key of') };

      await expect(store.put(key, Buffer.from('a'))).rejects.toMatchObject(refusal);
      await expect(store.upload(key)).rejects.toMatchObject(refusal);
      await expect(store.get(key)).rejects.toMatchObject(refusal);
      await expect(store.head(key)).rejects.toMatchObject(refusal);
      await expect(store.stream(key).next()).rejects.toMatchObject(refusal);
      await expect(store.delete([key])).rejects.toMatchObject(refusal);
      expect(await filesBelow(store.root)).toEqual([]);
    });

    it.each([['../'], ['a/../b'], ['/'], ['a//']])('refuses the prefix %j', async (prefix) => {
      const store = await newStore();

      await expect(keysOf(store, prefix)).rejects.toMatchObject({ name: 'UsageError' });
    });

    it('may be a file or a folder, but not both', async () => {
      const store = await newStore();
      await store.put('file', Buffer.from('a'));
      await store.put('folder/file', Buffer.from('a'));

      for (const options of [{}, { ifNoneMatch: '*' as const }]) {
        await expect(store.put('folder', Buffer.from('b'), options)).rejects.toMatchObject({
          name: 'UsageError',
          message: expect.stringMatching(/cannot write .*\/folder: a folder has that name/),
        });
        await expect(store.put('file/inner', Buffer.from('b'), options)).rejects.toMatchObject({
          name: 'UsageError',
          message: expect.stringMatching(/cannot write .*\/file\/inner: /),
        });
      }

      expect(await keysOf(store, '')).toEqual(['file', 'folder/file']);
      expect(await readdir(join(store.root, '.mapreduce/uploads'))).toEqual([]);
    });

    it('that are too long for the file system are refused, with the bound', async () => {
      const store = await newStore();

      await expect(store.put('x'.repeat(300), Buffer.from('a'))).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringContaining('255 bytes'),
      });
    });
  });

  describe('links and special files', () => {
    it('follows symbolic links to files and folders', async () => {
      const store = await newStore();
      await store.put('real/a', Buffer.from('abc'));
      await symlink(join(store.root, 'real'), join(store.root, 'linked'));
      await symlink(join(store.root, 'real/a'), join(store.root, 'also-a'));

      expect(await keysOf(store, '')).toEqual(['also-a', 'linked/a', 'real/a']);
      expect((await store.get('also-a')).toString()).toBe('abc');
      expect((await contentOf(store.stream('linked/a'))).toString()).toBe('abc');
    });

    it('refuses to list a link that leads back to a folder above it', async () => {
      const store = await newStore();
      await store.put('a/b/c', Buffer.from('c'));
      await symlink(join(store.root, 'a'), join(store.root, 'a/b/loop'));

      await expect(keysOf(store, '')).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(/a\/b\/loop: it is a symbolic link back to .*\/a\b/),
      });
    });

    it('does not list dangling links, and does not write through them', async () => {
      const store = await newStore();
      await symlink(join(store.root, 'nowhere'), join(store.root, 'dangling'));

      expect(await keysOf(store, '')).toEqual([]);
      expect(await store.head('dangling')).toBeUndefined();
      await expect(store.put('dangling', Buffer.from('a'), { ifNoneMatch: '*' })).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringContaining('dangling'),
      });
    });

    it('refuses to read a pipe instead of waiting for its writer', async () => {
      const store = await newStore();
      execFileSync('mkfifo', [join(store.root, 'pipe')]);

      for (const read of [
        () => store.get('pipe'),
        () => store.head('pipe'),
        () => store.stream('pipe').next(),
      ]) {
        await expect(read()).rejects.toMatchObject({
          name: 'UsageError',
          message: expect.stringContaining('pipe'),
        });
      }
      expect(await keysOf(store, '')).toEqual([]);
    });

    it.skipIf(process.platform === 'darwin')('does not pass over a name that is not UTF-8', async () => {
      const store = await newStore();
      await writeFile(Buffer.concat([Buffer.from(`${store.root}/latin-`), Buffer.from([0xe9])]), 'x');

      await expect(keysOf(store, '')).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringContaining('UTF-8'),
      });
    });
  });

  describe("rooted at '/'", () => {
    const inputs = new FileStore({ root: '/' });

    it('reads absolute paths', async () => {
      const root = await newRoot();
      await writeFile(join(root, 'x.txt'), 'hello');
      const key = join(root, 'x.txt');

      const info = await inputs.head(key);

      expect(info).toMatchObject({ key, sizeBytes: 5 });
      expect((await inputs.get(key, { ifMatch: info!.etag })).toString()).toBe('hello');
      expect((await contentOf(inputs.stream(key))).toString()).toBe('hello');
    });

    it('lists folders by absolute prefix, without the hidden files of other stores', async () => {
      const output = await newStore();
      await output.put('sub/b', Buffer.from('b'), { metadata: { x: 'y' } });
      await output.put('sub-a', Buffer.from('a'), { metadata: { x: 'y' } });
      const unfinished = await output.upload('unfinished');

      expect(await keysOf(inputs, `${output.root}/`)).toEqual([
        `${output.root}/sub-a`,
        `${output.root}/sub/b`,
      ]);
      expect(await keysOf(inputs, `${output.root}/sub/`)).toEqual([`${output.root}/sub/b`]);
      expect(await inputs.list('/').next()).toMatchObject({
        value: { key: expect.stringMatching(/^\/[^/]/) },
      });
      await unfinished.abort();
    });

    it('refuses relative keys and writes', async () => {
      await expect(inputs.get('data/x.txt')).rejects.toMatchObject({ name: 'UsageError' });
      await expect(inputs.put(join(home, 'x'), Buffer.from('a'))).rejects.toMatchObject({
        name: 'UsageError',
      });
      await expect(inputs.upload(join(home, 'x'))).rejects.toMatchObject({ name: 'UsageError' });
      await expect(inputs.delete([join(home, 'x')])).rejects.toMatchObject({ name: 'UsageError' });
    });
  });

  describe('other threads and processes', () => {
    it('race for the same keys, and exactly one wins each, with its own bytes and metadata', async () => {
      const store = await newStore();
      const race = { act: 'race', root: store.root, keys: 100, startMs: Date.now() + 500 } as const;

      const [a, b, c] = (await Promise.all([
        inThread({ ...race, writer: 'a' }),
        inThread({ ...race, writer: 'b' }),
        inProcess({ ...race, writer: 'c' }),
      ])) as string[][];

      const winners = [a, b, c].flatMap((keys, i) => keys!.map((key) => [key, 'abc'[i]!] as const));
      expect(winners).toHaveLength(100);
      expect(new Set(winners.map(([key]) => key)).size).toBe(100);
      for (const [key, writer] of winners) {
        expect((await store.get(key)).toString()).toBe(writer.repeat(1000));
        expect((await store.head(key))?.metadata).toEqual({ writer });
      }
      expect(await readdir(join(store.root, '.mapreduce/uploads'))).toEqual([]);
      expect(await readdir(join(store.root, '.mapreduce/metadata'))).toHaveLength(100);
    });
  });

  it('returns matching bytes and metadata while another process replaces the object', async () => {
    const store = await newStore();
    await store.put('a', Buffer.alloc(0), { metadata: { size: '0' } });
    let replacing = true;
    const replaced = inProcess({ act: 'replace', root: store.root, key: 'a', until: 'enough' }).finally(
      () => {
        replacing = false;
      },
    );

    const seen = new Set<number>();
    let timesMax = 0;
    while (replacing && (seen.size < 20 || timesMax < 2000)) {
      // Many at once, so that time passes between reading the file and its metadata.
      for (const info of await Promise.all(Array.from({ length: 64 }, () => store.head('a')))) {
        expect(info?.metadata).toEqual({ size: String(info?.sizeBytes) });
        seen.add(info!.sizeBytes);
        timesMax = Math.max(timesMax, info!.sizeBytes);
      }
    }
    await store.put('enough', Buffer.alloc(0));

    expect(await replaced).toBeGreaterThan(2000);
    expect(seen.size).toBeGreaterThanOrEqual(20);
  });

  describe('failures of the system', () => {
    it.skipIf(!canMount())(
      'of a full disk are DiskFullError, leave nothing behind, and pass with the space',
      async () => {
        const root = await newRoot();
        const act: Act = { act: 'fill', root, sizeBytesMax: 10_000_000 };

        const mountAndRun = `mount -t tmpfs -o size=512k none "$1" && shift && exec "$@"`;
        const outcome = JSON.parse(
          execFileSync(
            'unshare',
            ['-rm', 'sh', '-c', mountAndRun, 'sh', root, process.execPath, ...actorArguments(act)],
            {
              encoding: 'utf8',
            },
          ),
        ) as FillOutcome;

        expect(outcome.errorName).toBe('DiskFullError');
        expect(outcome.message).toContain(`cannot write ${root}/folder/large: no space left`);
        expect(outcome.keysAfter).toEqual(['small']);
      },
    );

    it('because of the limit on file sizes are DiskFullErrors, and leave nothing behind', async () => {
      const root = await newRoot();
      const act: Act = { act: 'fill', root, sizeBytesMax: 10_000_000 };

      const outcome = JSON.parse(
        execFileSync(
          'sh',
          ['-c', 'ulimit -f 1000 && exec "$@"', 'sh', process.execPath, ...actorArguments(act)],
          {
            encoding: 'utf8',
          },
        ),
      ) as FillOutcome;

      expect(outcome.errorName).toBe('DiskFullError');
      expect(outcome.message).toMatch(/cannot write .*\/folder\/large: .*ulimit -f/);
      expect(outcome.keysAfter).toEqual(['small']);
      expect(await readdir(join(root, '.mapreduce/uploads'))).toEqual([]);
    });

    it('because of too many open files are retryable StorageErrors, with a remedy', async () => {
      const root = await newRoot();

      const outcome = JSON.parse(
        execFileSync(
          'sh',
          [
            '-c',
            'ulimit -n 64 && exec "$@"',
            'sh',
            process.execPath,
            ...actorArguments({ act: 'hoard', root }),
          ],
          { encoding: 'utf8' },
        ),
      );

      expect(outcome).toEqual({ errorName: 'StorageError', message: expect.stringContaining('ulimit -n') });
    });

    it.skipIf(!canBeNobody())(
      'of permissions are UsageError, which is not retried, with the path',
      async () => {
        const store = await newStore();
        await store.put('closed/secret', Buffer.from('x'));
        await store.put('secret', Buffer.from('x'));
        await chmod(home, 0o755);
        await chmod(store.root, 0o555);
        await chmod(join(store.root, 'closed'), 0);
        await chmod(join(store.root, 'secret'), 0);
        onTestFinished(async () => {
          await chmod(store.root, 0o755);
          await chmod(join(store.root, 'closed'), 0o755);
        });
        becomeNobody();
        const refusal = (action: string, name: string) => ({
          name: 'UsageError',
          message: expect.stringContaining(`cannot ${action} ${store.root}/${name}: permission denied`),
        });

        await expect(store.get('secret')).rejects.toMatchObject(refusal('read', 'secret'));
        await expect(store.stream('secret').next()).rejects.toMatchObject(refusal('read', 'secret'));
        await expect(store.head('closed/secret')).rejects.toMatchObject(refusal('look at', 'closed/secret'));
        await expect(keysOf(store, '')).rejects.toMatchObject(refusal('list', 'closed'));
        await expect(store.delete(['secret'])).rejects.toMatchObject(refusal('remove', 'secret'));
        await expect(store.put('new', Buffer.from('x'))).rejects.toMatchObject({
          name: 'UsageError',
          message: expect.stringContaining('permission denied'),
        });
      },
    );
  });

  it('leaves no file open after streams that ended, were abandoned, failed or were never started', async () => {
    const store = await newStore();
    const { etag } = await store.put('a', Buffer.alloc(10_000));
    const before = (await readdir('/proc/self/fd').catch(() => [])).length;

    for (let i = 0; i < 20; i++) {
      await contentOf(store.stream('a', { chunkSizeBytes: 1000 }));
      for await (const _chunk of store.stream('a', { chunkSizeBytes: 1000 })) break;
      await store
        .stream('a', { ifMatch: `not ${etag}` })
        .next()
        .catch(() => {});
      await store
        .stream('a', { range: { start: 2, end: 1 } })
        .next()
        .catch(() => {});
      await store.stream('a').return?.();
      await store.get('a', { range: { start: 2, end: 1 } }).catch(() => {});
      await (await store.upload('b')).abort();
      await store.put('a', Buffer.alloc(10), { ifNoneMatch: '*' }).catch(() => {});
    }

    expect((await readdir('/proc/self/fd').catch(() => [])).length).toBeLessThanOrEqual(before);
  });

  it('lists a folder of 20,000 files in order', async () => {
    const store = await newStore();
    await mkdir(join(store.root, 'many'));
    for (let i = 0; i < 20_000; i += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, j) => writeFile(join(store.root, 'many', String(i + j)), '')),
      );
    }

    const infos = await infosOf(store, 'many/');

    expect(infos).toHaveLength(20_000);
    expect(infos.every(({ key }, i) => i === 0 || infos[i - 1]!.key < key)).toBe(true);
  });
});

const actor = fileURLToPath(new URL('file-store-actor.ts', import.meta.url));

function actorArguments(act: Act): string[] {
  return ['--disable-warning=ExperimentalWarning', actor, JSON.stringify(act)];
}

function inThread(act: Act): Promise<unknown> {
  const worker = new Worker(actor, { workerData: act, execArgv: [] });
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
}

async function inProcess(act: Act): Promise<unknown> {
  return JSON.parse((await promisify(execFile)(process.execPath, actorArguments(act))).stdout);
}

async function filesBelow(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}

function canMount(): boolean {
  return spawnSync('unshare', ['-rm', 'true']).status === 0;
}

/** Permissions do not restrict root, so these tests need another user, or root that can switch to one. */
function canBeNobody(): boolean {
  return process.geteuid?.() !== 0 || isMainThread;
}

function becomeNobody(): void {
  if (process.geteuid?.() !== 0) return;
  process.seteuid?.(65_534);
  onTestFinished(() => process.seteuid?.(0));
}
