/** Checks what a cold start has to load. `npm run bench -- --lambdas` measures the time. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundles, bundleHandlers } from '../../infra/bundling/bundle.ts';
import { FUNCTION_NAMES } from '../../infra/functions/function-names.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';

const JOBS = resolve(import.meta.dirname, '../../apps/index.ts');
const BUNDLE_BYTES_MAX = 1_570_000;
/** The plan function calls Lambda as well. */
const PLAN_BYTES_MAX = 1_700_000;

describe('the bundles', () => {
  let bundles: Bundles;
  beforeAll(() => {
    bundles = bundleHandlers(JOBS);
  });
  afterAll(() => bundles[Symbol.dispose]());

  it.each(FUNCTION_NAMES)('%s stays small', (name) => {
    expect(bundles.sizeBytes(name)).toBeLessThan(name === 'plan' ? PLAN_BYTES_MAX : BUNDLE_BYTES_MAX);
  });

  it('contain the SDK only as ES modules, not a second time as CommonJS', () => {
    const commonJs = Object.keys(bundles.metafile.inputs).filter((path) =>
      /@(?:aws-sdk|smithy)\/[^/]+\/dist-cjs\//.test(path),
    );

    expect(commonJs).toEqual([]);
  });

  it('start without undici, which would add 10 ms', () => {
    const url = pathToFileURL(join(bundles.folder('map'), 'index.mjs')).href;
    const script = `import(${JSON.stringify(url)}).then(({ handler }) => {
      console.log(typeof handler, process.moduleLoadList.some((name) => name.endsWith('undici/undici')));
      process.exit();
    })`;

    const printed = execFileSync(process.execPath, ['--eval', script], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    });

    expect(printed.trim()).toBe('function false');
  });
});

it('makes bundles again only if a source has changed', () => {
  const folder = folderOfTest('mapreduce-bundle-test');
  const jobs = join(folder, 'jobs.ts');
  const helper = join(folder, 'words.ts');
  writeFileSync(
    jobs,
    `import { defineJob, lines, textLines } from 'serverless-mapreduce';
     import { description } from './words.ts';
     export const apps = { copy: defineJob({ name: 'copy', description, input: textLines(), map: (line, { emit }) => emit(null, line), output: lines() }) };`,
  );
  const bundled = () => {
    using bundles = bundleHandlers(jobs);
    const [app] = bundles.apps;
    return { app, code: readFileSync(join(bundles.folder('map'), 'index.mjs'), 'utf8') };
  };
  writeFileSync(helper, `export const description = 'Every line';`);

  const first = bundled();
  const again = bundled();
  writeFileSync(helper, `export const description = 'Each line, in order';`);
  const changed = bundled();

  expect(first.app).toMatchObject({ name: 'copy', description: 'Every line' });
  expect(again).toEqual(first);
  expect(changed.app?.description).toBe('Each line, in order');
  expect(changed.code).toContain('Each line, in order');
});
