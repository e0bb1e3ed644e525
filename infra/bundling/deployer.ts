/**
 * Which project deploys. It is the same on every machine, so that a template does not depend on the folder of a
 * checkout.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Deployer } from '../../src/aws/protocol/app-catalog.ts';
import { parseJson } from '../../src/codec/parse-json.ts';

/**
 * @param jobs  path of the jobs module
 * @returns the name of the nearest package.json above it, and the module's path from there without its ending
 */
export function deployerOf(jobs: string): Deployer {
  const path = resolve(jobs);
  const withoutEnding = (name: string) => name.replace(/\.[cm]?[jt]s$/, '').replaceAll('\\', '/');
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const project = existsSync(join(folder, 'package.json')) ? packageName(folder) : undefined;
    if (project !== undefined) return { project, jobs: withoutEnding(relative(folder, path)) };
    if (folder === dirname(folder)) return { jobs: withoutEnding(basename(path)) };
  }
}

/** Undefined for a package.json without a name, such as one that only sets `type`, or one that is not valid JSON. */
function packageName(folder: string): string | undefined {
  try {
    const manifest = parseJson(readFileSync(join(folder, 'package.json'), 'utf8'));
    const hasName = typeof manifest === 'object' && manifest !== null && 'name' in manifest;
    return hasName && typeof manifest.name === 'string' && manifest.name !== '' ? manifest.name : undefined;
  } catch {
    return undefined;
  }
}
