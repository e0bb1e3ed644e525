import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleHandlers } from '../../infra/bundling/bundle.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';

const JOB = `const job = defineJob({ name: 'copy', description: 'Every line', input: textLines(), map: (line, { emit }) => emit(null, line), output: lines() });`;
const IMPORT = `import { defineJob, lines, textLines } from 'serverless-mapreduce';\n${JOB}\n`;

test.each<[string, string, RegExp]>([
  ['nothing', 'export {};', /exports no apps \(it exports nothing\)/],
  ['only a default', `${IMPORT}export default job;`, /exports no apps \(it exports default\)/],
  ['no app in apps', 'export const apps = {};', /exports no apps/],
  ['an app that is not a job', 'export const apps = { copy: { map() {} } };', /the app 'copy' is not a job/],
  [
    'a load() of nothing',
    'export const apps = { copy: { load: async () => undefined } };',
    /the app 'copy' is not a job/,
  ],
  [
    'a name with a slash',
    `${IMPORT}export const apps = { 'a/b': job };`,
    /app name 'a\/b' cannot be the name of a folder/,
  ],
  ['an empty name', `${IMPORT}export const apps = { '': job };`, /app name '' is empty/],
])('rejects a jobs module that exports %s before it creates the stack', (_, source, message) => {
  expect(() => bundleHandlers(moduleWith(source))).toThrow(message);
});

test('rejects a jobs module that throws while it loads, and shows its error', () => {
  expect(() => bundleHandlers(moduleWith(`throw new Error('no database');`))).toThrow(
    /does not load.*no database/s,
  );
});

test('reports a definition that defineJob rejects with the message of defineJob', () => {
  const source = IMPORT.replace("name: 'copy'", "name: 'no name'");

  expect(() => bundleHandlers(moduleWith(source))).toThrow(/jobs\.ts: job 'no name': name must be/);
});

test('does not mistake the output of a jobs module for an error of mapreduce', () => {
  const source = `console.error('[JobDefinitionError]: not ours'); throw new Error('no database');`;

  expect(() => bundleHandlers(moduleWith(source))).toThrow(/does not load:.*no database/s);
});

test('rejects a jobs module that ends the process with exit code 0', () => {
  expect(() => bundleHandlers(moduleWith('process.exit(0);'))).toThrow(
    /does not load: it ends the process with exit code 0/,
  );
});

test('lists the apps with their parameters, whatever the module prints', () => {
  const params = `{ case: { type: 'string', choices: ['lower', 'keep'], default: 'lower', description: 'of letters', more: 1 } }`;
  const count = `defineJob({ name: 'count', description: 'Counts', input: textLines(), key: 'string', value: 'number', params: ${params}, map: (line, { emit }) => emit(line, 1), reduce: 'sum', output: lines() })`;
  const source = `${IMPORT}console.log('[]'); export const apps = { copy: job, later: { load: async () => ({ default: ${count} }) } };`;
  using bundles = bundleHandlers(moduleWith(source));

  expect(bundles.apps).toEqual([
    {
      name: 'copy',
      description: 'Every line',
      params: {},
      isMapOnly: true,
      inputs: [{ isGenerated: false, isText: true, looks: true }],
    },
    {
      name: 'later',
      description: 'Counts',
      params: {
        case: { type: 'string', choices: ['lower', 'keep'], default: 'lower', description: 'of letters' },
      },
      isMapOnly: false,
      inputs: [{ isGenerated: false, isText: true, looks: true }],
    },
  ]);
});

function moduleWith(source: string): string {
  const folder = folderOfTest('mapreduce jobs check');
  const path = join(folder, 'jobs.ts');
  writeFileSync(path, source);
  return path;
}
