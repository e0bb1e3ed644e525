import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deployerOf } from '../../infra/bundling/deployer.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';

test.each([
  [
    'the nearest package.json with a name',
    { 'package.json': '{"name":"logs"}', 'src/package.json': '{"type":"module"}' },
    { project: 'logs', jobs: 'src/jobs' },
  ],
  ['no package.json that can be read', { 'src/package.json': '{' }, { jobs: 'jobs' }],
  ['no package.json with a name', { 'package.json': '{"name":5}' }, { jobs: 'jobs' }],
])('the project of a jobs module comes from %s', (_, files: Readonly<Record<string, string>>, deployer) => {
  const folder = folderOfTest('deployer-test');
  mkdirSync(join(folder, 'src'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);

  expect(deployerOf(join(folder, 'src/jobs.ts'))).toEqual(deployer);
  expect(deployerOf(join(folder, 'src/jobs.js'))).toEqual(deployer);
});
