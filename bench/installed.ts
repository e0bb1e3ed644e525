/**
 * The published package as a contender: packed by npm from this checkout, and installed into a folder of its own. It starts
 * faster than the checkout, which runs the TypeScript sources.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contender, ourCommand } from './contenders.ts';
import { RunFailed } from './measure.ts';
import { npm } from './npm.ts';

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGE_NAME = 'serverless-mapreduce';

/**
 * Builds, packs and installs the package, which takes half a minute. The folder is removed when this process ends.
 *
 * @throws RunFailed with what npm printed
 */
export function installedPackage({ memory }: { memory: string | undefined }): Contender {
  process.stderr.write('packing and installing the package ...\n');
  const folder = mkdtempSync(join(tmpdir(), 'mapreduce-bench-installed-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  expectDone(npm(['pack', '--pack-destination', folder], CHECKOUT));
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new RunFailed(`npm pack left no package in ${folder}`);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  expectDone(npm(['install', '--no-audit', '--no-fund', join(folder, tarball)], folder));
  const engine = join(folder, 'node_modules', PACKAGE_NAME, 'bin', 'mapreduce.js');
  return { ...ourCommand({ engine, memory }), name: 'mapreduce, installed', version: 'the package' };
}

function expectDone(problem: string | undefined): void {
  if (problem !== undefined) throw new RunFailed(problem);
}
