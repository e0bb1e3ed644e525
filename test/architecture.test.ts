import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');

/** The order of the folders: a file may import from its own folder and from earlier ones. Add each new folder here. */
const FOLDERS = [
  'src/base',
  'src/codec',
  'src/storage',
  'src/report',
  'src/formats',
  'src/api',
  'src/fold',
  'src/read',
  'src/shuffle',
  'src/records',
  'src/plan',
  'src/commit',
  'src/map',
  'src/reduce',
  'src/stages',
  'src/aws/protocol',
  'src/aws/model',
  'src/aws/client',
  'src/local',
  'lambdas',
  'infra/functions',
  'infra/machine',
  'infra/bundling',
  'infra/construct',
  'infra/deploy',
  // The entry points in infra itself.
  'infra',
  'src/cli/process',
  'src/cli/display',
  'src/cli/flags',
  'src/cli/commands',
  'src/cli',
];
const ROOT_MODULE = 'src/index.ts';
/** The engine: the code that runs in worker threads and in Lambda functions. */
const ENGINE = FOLDERS.slice(0, FOLDERS.indexOf('src/aws/protocol'));

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('node_modules'));
}

function importsOf(path: string): string[] {
  return importsIn(readFileSync(path, 'utf8'));
}

/** Every form of an import: with names, for its effects only, as a type, dynamic, and re-exports. */
function importsIn(text: string): string[] {
  const specifiers = text.matchAll(
    /(?:^|\n)(?:import|export)[^'";]*?from\s+'([^']+)'|(?:^|\n)import\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g,
  );
  return [...specifiers].map(([, named, bare, dynamic]) => (named ?? bare ?? dynamic)!);
}

/** The imports of a file. Those within the project are paths from the root, packages are unchanged. */
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

/** The place of a file's folder in the order; -1 if it has none. */
function placeOf(path: string): number {
  if (path === ROOT_MODULE) return FOLDERS.length;
  return FOLDERS.findIndex((folder) => path.startsWith(`${folder}/`));
}

const SOURCES = ['src', 'lambdas', 'infra'].flatMap(sourcesBelow).map((path) => relative(ROOT, path));
const FILES: ReadonlySet<string> = new Set(SOURCES);
const isSource = (path: string) => FILES.has(path);

/** Imports from later folders, as `file imports file`. */
function importsOfLaterFolders(importsOfFile: (path: string) => readonly string[]): string[] {
  return SOURCES.flatMap((path) =>
    importsOfFile(path)
      .filter((imported) => isSource(imported) && placeOf(imported) > placeOf(path))
      .map((imported) => `${path} imports ${imported}`),
  );
}

/** Circles of files that import each other, each circle once. */
function circles(importsOfFile: (path: string) => readonly string[]): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const open: string[] = [];
  const visit = (path: string) => {
    if (open.includes(path)) found.push([...open.slice(open.indexOf(path)), path].join(' -> '));
    if (done.has(path)) return;
    done.add(path);
    open.push(path);
    for (const imported of importsOfFile(path).filter(isSource)) visit(imported);
    open.pop();
  };
  SOURCES.forEach(visit);
  return found;
}

const DEPLOY_COMMAND = 'src/cli/commands/deploy.ts';

/** Imports from infra by the command and its AWS client, except for the deploy command, as `file imports file`. */
function importsOfInfra(importsOfFile: (path: string) => readonly string[]): string[] {
  return SOURCES.filter((path) => /^src\/(cli|aws)\//.test(path) && path !== DEPLOY_COMMAND).flatMap((path) =>
    importsOfFile(path)
      .filter((imported) => imported.startsWith('infra/'))
      .map((imported) => `${path} imports ${imported}`),
  );
}

const fromHere = (path: string) => resolvedImports(join(ROOT, path));

describe('the imports of a file', () => {
  it.each([
    ["import { x } from './a.ts';", './a.ts'],
    ["import {\n  x,\n} from './a.ts';", './a.ts'],
    ["import './a.ts';", './a.ts'],
    ["import type { X } from './a.ts';", './a.ts'],
    ["export * from './a.ts';", './a.ts'],
    ["type X = import('./a.ts').X;", './a.ts'],
    ["const { x } = await import('./a.ts');", './a.ts'],
  ])('include that of %j', (text, imported) => {
    expect(importsIn(`const before = 1;\n${text}\nconst after = 'x';\n`)).toEqual([imported]);
  });
});

describe('the order of the folders', () => {
  it('has a place for every file', () => {
    expect(SOURCES.filter((path) => placeOf(path) === -1)).toEqual([]);
  });

  it('contains no folder without sources', () => {
    expect(FOLDERS.filter((folder) => sourcesBelow(folder).length === 0)).toEqual([]);
  });

  it('has no import from a later folder', () => {
    expect(importsOfLaterFolders(fromHere)).toEqual([]);
  });

  it('has no circle of files that import each other', () => {
    expect(circles(fromHere)).toEqual([]);
  });

  it.each([
    ['src/base/errors.ts', 'src/cli/main.ts'],
    ['src/shuffle/merge.ts', 'src/reduce/reduce-task.ts'],
    ['lambdas/map.ts', 'infra/deploy/stack.ts'],
  ])('would be violated if %s imported %s', (path, imported) => {
    const changed = (file: string) => (file === path ? [...fromHere(file), imported] : fromHere(file));

    expect(importsOfLaterFolders(changed)).toEqual([`${path} imports ${imported}`]);
  });

  it('would be violated by a circle', () => {
    const path = 'src/base/errors.ts';
    const changed = (file: string) => (file === path ? [...fromHere(file), path] : fromHere(file));

    expect(circles(changed)).toEqual([`${path} -> ${path}`]);
  });
});

describe('imports point inward', () => {
  it('apps import nothing from the project but the public API and apps', () => {
    const found = violations(
      'apps',
      (imported) =>
        imported.startsWith('src/') || imported.startsWith('infra') || imported.startsWith('lambdas'),
    );

    expect(found).toEqual([]);
  });

  it.each(ENGINE)('%s does not import threads, processes or apps', (folder) => {
    const found = violations(
      folder,
      (imported) =>
        /^(apps|emulators)\//.test(imported) ||
        imported === 'node:worker_threads' ||
        imported === 'node:child_process',
    );

    expect(found).toEqual([]);
  });

  it.each(['src', 'lambdas', 'infra', 'apps', 'scripts', 'emulators'])(
    '%s does not import the simulation',
    (folder) => {
      expect(violations(folder, (imported) => imported.startsWith('simulation/'))).toEqual([]);
    },
  );

  it('the simulation imports only the engine, the protocol, the steps and the machine', () => {
    const found = violations(
      'simulation',
      (imported) =>
        /^(test|bench|apps|emulators|scripts|src\/cli|src\/local|infra\/(bundling|construct|deploy))\//.test(
          imported,
        ) ||
        imported === 'node:worker_threads' ||
        imported === 'node:child_process',
    );

    expect(found).toEqual([]);
  });

  it('in the engine, only the S3 store imports the S3 SDK', () => {
    const found = violations(
      'src',
      (imported, path) =>
        imported.startsWith('@aws-sdk/client-s3') && !/^src\/(storage\/s3\/|aws\/|cli\/)/.test(path),
    );

    expect(found).toEqual([]);
  });

  it('only the deploy command imports infra', () => {
    expect(importsOfInfra(fromHere)).toEqual([]);
    expect(fromHere(DEPLOY_COMMAND).some((imported) => imported.startsWith('infra/'))).toBe(true);
  });

  it.each(['src/aws/client/machine.ts', 'src/cli/commands/submit.ts', 'src/cli/main.ts'])(
    'the check would fail if %s imported infra',
    (path) => {
      const changed = (file: string) =>
        file === path ? [...fromHere(file), 'infra/index.ts'] : fromHere(file);

      expect(importsOfInfra(changed)).toEqual([`${path} imports infra/index.ts`]);
    },
  );

  it('the AWS client does not write to the terminal', () => {
    const found = sourcesBelow('src/aws').filter((path) =>
      /\bprocess\.std(out|err|in)\b|\bconsole\./.test(readFileSync(path, 'utf8')),
    );

    expect(found.map((path) => relative(ROOT, path))).toEqual([]);
  });

  it.each(['src', 'lambdas', 'infra', 'apps'])('%s parses JSON only with parseJson()', (folder) => {
    const found = sourcesBelow(folder)
      .map((path) => ({ name: relative(ROOT, path), text: readFileSync(path, 'utf8') }))
      .filter(
        ({ name, text }) => name !== 'src/codec/parse-json.ts' && /\bJSON\.parse\b(?=\(|\)|,)/.test(text),
      );

    expect(found.map(({ name }) => name)).toEqual([]);
  });

  it('the checks find imports', () => {
    expect(resolvedImports(join(ROOT, 'src/map/map-task.ts'))).toContain('src/read/read-records.ts');
  });
});
