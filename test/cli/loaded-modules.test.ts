/** What a small job loads: it takes about as long as loading modules does, and each takes about 0.3 ms, in every thread. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { folderOfTest } from '../helpers/temporary-folder.ts';
import { cleanEnvironment, cli } from './cli-process.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Raise it only for a module that almost every job needs; load others when they are first used. */
const INDEX_MODULES_MAX = 71;

/** Appends the address of each module that any thread loads to a file. */
const HOOK = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  import { appendFileSync } from 'node:fs';
  registerHooks({
    load(url, context, next) {
      appendFileSync(process.env.LOADED, url + '\\n');
      return next(url, context);
    },
  });
`)}`;

function recording(folder: string): { env: Record<string, string>; loaded: () => string[] } {
  const path = join(folder, 'loaded');
  return {
    env: { LOADED: path, NODE_OPTIONS: `--import=${HOOK}` },
    loaded: () =>
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((url) => url.startsWith('file:'))
        .map((url) => relative(ROOT, fileURLToPath(url)))
        .filter((path) => path.startsWith('src/')),
  };
}

describe('start-up', () => {
  it(`loads at most ${INDEX_MODULES_MAX} modules for a job's import of the library`, () => {
    const { env, loaded } = recording(folderOfTest('loaded-modules-test'));
    const index = pathToFileURL(join(ROOT, 'src/index.ts')).href;

    execFileSync(process.execPath, ['--input-type=module', '--eval', `await import('${index}')`], {
      env: cleanEnvironment(env),
    });

    expect(loaded()).toContain('src/index.ts');
    expect(loaded().length).toBeLessThanOrEqual(INDEX_MODULES_MAX);
  });

  it('loads nothing for a word count that only other jobs need', async () => {
    const folder = folderOfTest('loaded-modules-test');
    const { env, loaded } = recording(folder);
    writeFileSync(join(folder, 'in.txt'), 'to be or not to be\n');

    const { code } = await cli(['run', 'word-count', '--input', 'in.txt', '--output', 'out'], {
      cwd: folder,
      env,
    });

    expect(code).toBe(0);
    expect(loaded()).toEqual(expect.arrayContaining(['src/index.ts', 'src/map/map-task.ts']));
    expect(
      loaded().filter((path) =>
        /(?<!text-lines)-parser|filter|open-csv|tsv-source|decompress|small-files|staged-emits|made-pieces|compressed-blocks|boundaries\//.test(
          path,
        ),
      ),
    ).toEqual([]);
  });
});
