import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ownFolder } from '../../bin/compile-cache.js';
import { folderOfTest } from '../helpers/temporary-folder.ts';
import { cli } from './cli-process.ts';

const OTHER_UID = 12_345;

describe('the folder of the compile cache', () => {
  let home: string;
  let product: string;
  let expected: string;

  beforeEach(() => {
    home = folderOfTest('compile-cache-test');
    vi.stubEnv('XDG_CACHE_HOME', home);
    product = join(home, 'serverless-mapreduce');
    expected = join(product, 'compile-cache');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('is below the cache folder of the user and closed to other users', () => {
    expect(ownFolder()).toBe(expected);
    expect(lstatSync(expected).mode & 0o777).toBe(0o700);
    expect(ownFolder()).toBe(expected);
  });

  test('is not used if others can write to it or to a folder above it', () => {
    const found = [
      [() => chmodSync(expected, 0o777), () => chmodSync(expected, 0o700)],
      [() => chmodSync(product, 0o777), () => chmodSync(product, 0o700)],
      [() => chmodSync(home, 0o777), () => chmodSync(home, 0o700)],
    ].map(([open, close]) => {
      ownFolder();
      open!();
      const folder = ownFolder();
      close!();
      return folder;
    });

    expect(found).toEqual([undefined, undefined, undefined]);
  });

  test.skipIf(process.platform !== 'linux')('is not used if the home cannot be created', () => {
    vi.stubEnv('XDG_CACHE_HOME', undefined);
    // mkdir says ENOENT there, whatever the parent, so creating it recursively would never end.
    vi.stubEnv('HOME', '/proc/no-home');

    expect(ownFolder()).toBeUndefined();
  });

  test('is not used if it is a link', () => {
    const elsewhere = join(home, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    mkdirSync(product, { mode: 0o700 });
    symlinkSync(elsewhere, expected);

    expect(ownFolder()).toBeUndefined();
  });

  test('has a path without links, because a link may change later', () => {
    const link = join(home, 'link');
    const cache = join(home, 'cache');
    mkdirSync(cache);
    symlinkSync(cache, link);
    vi.stubEnv('XDG_CACHE_HOME', link);

    expect(ownFolder()).toBe(join(realpathSync(cache), 'serverless-mapreduce', 'compile-cache'));
  });

  test.runIf(process.getuid?.() === 0)(
    'is not used if it, or a folder above it, belongs to another user',
    () => {
      const found = [expected, product].map((folder) => {
        ownFolder();
        chownSync(folder, OTHER_UID, OTHER_UID);
        const own = ownFolder();
        chownSync(folder, 0, 0);
        return own;
      });

      expect(found).toEqual([undefined, undefined]);
    },
  );

  test('is not used if it cannot be created', () => {
    vi.stubEnv('XDG_CACHE_HOME', '/dev/null');

    expect(ownFolder()).toBeUndefined();
  });

  test('is the one that the command uses, instead of the shared temporary folder', async () => {
    const temporary = join(home, 'tmp');
    mkdirSync(temporary);
    // The tests set this variable.
    vi.stubEnv('NODE_COMPILE_CACHE', undefined);

    const { code } = await cli(['list'], { cwd: home, env: { XDG_CACHE_HOME: home, TMPDIR: temporary } });

    expect(code).toBe(0);
    expect(existsSync(expected)).toBe(true);
    expect(existsSync(join(temporary, 'node-compile-cache'))).toBe(false);
  });
});
