/** Which project deploys: the same on every machine, so that a template does not change with the folder of a checkout. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Deployer } from '../../src/aws/protocol/app-catalog.ts';
import { parseJson } from '../../src/codec/parse-json.ts';

/** @param jobs  path of the jobs module */
export function deployerOf(jobs: string): Deployer {
  const path = resolve(jobs);
  const withoutEnding = (name: string) => name.replace(/\.[cm]?[jt]s$/, '').replaceAll('\\', '/');
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const project = existsSync(join(folder, 'package.json')) ? packageName(folder) : undefined;
    if (project !== undefined) return { project, jobs: withoutEnding(relative(folder, path)) };
    if (folder === dirname(folder)) return { jobs: withoutEnding(basename(path)) };
  }
}

/** Undefined for a package.json that only says how modules are read, or is not valid. */
function packageName(folder: string): string | undefined {
  try {
    const { name } = parseJson(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown };
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    return undefined;
  }
}
