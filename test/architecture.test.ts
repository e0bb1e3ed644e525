import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');

/** What the files of a folder may import from the project; folders by their path from the root. */
const ENGINE = [
  'codec',
  'commit',
  'input',
  'map',
  'output',
  'plan',
  'reduce',
  'schedule',
  'shuffle',
  'storage',
];

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('node_modules'));
}

function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  const specifiers = text.matchAll(
    /(?:^|\n)(?:import|export)[^'"]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/g,
  );
  return [...specifiers].map(([, fromStatic, fromDynamic]) => (fromStatic ?? fromDynamic)!);
}

/** Imports within the project as paths from the root; packages as they are written. */
function resolvedImports(path: string): string[] {
  return importsOf(path).map((specifier) =>
    specifier.startsWith('.') ? relative(ROOT, resolve(dirname(path), specifier)) : specifier,
  );
}

function violations(folder: string, isForbidden: (imported: string, path: string) => boolean): string[] {
  return sourcesBelow(folder).flatMap((path) =>
    resolvedImports(path)
      .filter((imported) => isForbidden(imported, relative(ROOT, path)))
      .map((imported) => `${relative(ROOT, path)} imports ${imported}`),
  );
}

describe('imports point inward', () => {
  it('an app uses the public API, itself, other apps, and nothing else of the project', () => {
    const found = violations(
      'apps',
      (imported) =>
        imported.startsWith('src/') || imported.startsWith('infra') || imported.startsWith('lambdas'),
    );

    expect(found).toEqual([]);
  });

  it.each(ENGINE)('src/%s knows nothing of threads, the command line or AWS deployments', (folder) => {
    const found = violations(
      `src/${folder}`,
      (imported) =>
        /^src\/(local|cli|aws)\//.test(imported) ||
        /^(apps|infra|lambdas|emulators)\//.test(imported) ||
        imported === 'node:worker_threads' ||
        imported === 'node:child_process',
    );

    expect(found).toEqual([]);
  });

  it('only the S3 store knows the S3 SDK', () => {
    const found = violations(
      'src',
      (imported, path) =>
        imported.startsWith('@aws-sdk/client-s3') && !/^src\/(storage\/s3-|aws\/|cli\/)/.test(path),
    );

    expect(found).toEqual([]);
  });

  it.each(['src', 'lambdas', 'infra', 'apps'])('%s parses JSON by parseJson() alone', (folder) => {
    const found = sourcesBelow(folder)
      .map((path) => ({ name: relative(ROOT, path), text: readFileSync(path, 'utf8') }))
      .filter(
        ({ name, text }) => name !== 'src/codec/parse-json.ts' && /\bJSON\.parse\b(?=\(|\)|,)/.test(text),
      );

    expect(found.map(({ name }) => name)).toEqual([]);
  });

  it('the check sees imports at all', () => {
    expect(resolvedImports(join(ROOT, 'src/map/map-task.ts'))).toContain('src/input/read-records.ts');
  });
});
