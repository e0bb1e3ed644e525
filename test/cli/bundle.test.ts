/** Each run is a process, as the compile cache of a process is turned on once. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { folderOfTest } from '../helpers/temporary-folder.ts';
import { cleanEnvironment } from './cli-process.ts';

const LOADER = fileURLToPath(new URL('../../bin/bundle.js', import.meta.url));

describe('a bundle', () => {
  let folder: string;
  let bundle: string;
  beforeEach(() => {
    folder = folderOfTest('bundle-test');
    bundle = join(folder, 'bundle.cjs');
    writeBundle('of the first build');
  });

  const writeBundle = (what: string) =>
    writeFileSync(
      bundle,
      `exports.text = function () { return '${what}'; };
       exports.finish = () => __build.keepCompiledCode();`,
    );

  const run = (env: Record<string, string> = {}) =>
    execFileSync(
      process.execPath,
      [
        '--eval',
        `require('node:module').enableCompileCache(${JSON.stringify(join(folder, 'cache'))});
         const { text, finish } = require(${JSON.stringify(LOADER)}).runBundle(${JSON.stringify(bundle)});
         process.stdout.write(text());
         finish();`,
      ],
      { encoding: 'utf8', env: cleanEnvironment({ NODE_COMPILE_CACHE: '', ...env }) },
    );

  const files = () =>
    readdirSync(join(folder, 'cache'), { recursive: true, encoding: 'utf8' })
      .filter((name) => /bundle\.cjs-[0-9a-f]{8}$/.test(name))
      .map((name) => join(folder, 'cache', name));

  test('keeps its compiled code for later runs, which leave it as it is', () => {
    run();
    const [file, ...others] = files();
    const { ino } = statSync(file!);

    const printed = run();

    expect(printed).toBe('of the first build');
    expect(others).toEqual([]);
    expect(statSync(file!).ino).toBe(ino);
    expect(readdirSync(join(file!, '..')).filter((name) => name.startsWith('writing-'))).toEqual([]);
  });

  test.each([
    ['code that is damaged', (bytes: Buffer) => bytes.fill(0, 100, 120)],
    ['code that is cut off', (bytes: Buffer) => bytes.subarray(0, 50)],
    ['an empty file', () => Buffer.alloc(0)],
  ])('replaces %s', (_, damage) => {
    run();
    const [file] = files();
    writeFileSync(file!, damage(readFileSync(file!)));
    const { ino } = statSync(file!);

    const printed = [run()];
    const { ino: replaced } = statSync(file!);
    printed.push(run());

    expect(printed).toEqual(['of the first build', 'of the first build']);
    expect(replaced).not.toBe(ino);
    expect(statSync(file!).ino).toBe(replaced);
  });

  test('does not run the code of an earlier build', () => {
    run();
    // The same length: V8 compares nothing else.
    writeBundle('of a later build!!');

    expect([run(), run()]).toEqual(['of a later build!!', 'of a later build!!']);
  });

  test('runs without a compile cache', () => {
    expect(run({ NODE_DISABLE_COMPILE_CACHE: '1' })).toBe('of the first build');
  });

  test('imports modules, by paths relative to itself', () => {
    writeFileSync(join(folder, 'other.mjs'), `export const other = 'imported';`);
    writeFileSync(
      bundle,
      `exports.text = () => ''; exports.finish = async () => console.log((await __import('./other.mjs')).other);`,
    );

    expect(run()).toBe('imported\n');
  });
});
