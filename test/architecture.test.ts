import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');

/**
 * The floors of the house, from the ground up: what is in a folder may use the folders before it in this list, and none
 * behind it. A new folder has to be placed here.
 */
const FLOORS = [
  'src/base',
  'src/codec',
  'src/storage',
  'src/report',
  'src/formats',
  'src/api',
  'src/fold',
  'src/read',
  'src/shuffle',
  'src/plan',
  'src/commit',
  'src/map',
  'src/reduce',
  'src/stages',
  'src/aws/protocol',
  'src/aws/client',
  'src/local',
  'lambdas',
  'infra/functions',
  'infra/machine',
  'infra/bundling',
  'infra/construct',
  'infra/deploy',
  // What is left: the entry points.
  'infra',
  'src/cli/process',
  'src/cli/display',
  'src/cli/flags',
  'src/cli/commands',
  'src/cli',
];
const AT_THE_ROOT = 'src/index.ts';
/** The engine: what runs in a worker thread and in a Lambda function alike. */
const ENGINE = FLOORS.slice(0, FLOORS.indexOf('src/aws/protocol'));

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

/** The floor that a file is on; -1 for one that nobody has placed. */
function floorOf(path: string): number {
  if (path === AT_THE_ROOT) return FLOORS.length;
  return FLOORS.findIndex((folder) => path.startsWith(`${folder}/`));
}

const HOUSE = ['src', 'lambdas', 'infra'].flatMap(sourcesBelow).map((path) => relative(ROOT, path));
const FILES: ReadonlySet<string> = new Set(HOUSE);
const isOfTheHouse = (path: string) => FILES.has(path);

/** Arrows that point up, as `file imports file`. */
function arrowsUpwards(importsOfFile: (path: string) => readonly string[]): string[] {
  return HOUSE.flatMap((path) =>
    importsOfFile(path)
      .filter((imported) => isOfTheHouse(imported) && floorOf(imported) > floorOf(path))
      .map((imported) => `${path} imports ${imported}`),
  );
}

/** Files that lead back to themselves, each circle once. */
function circles(importsOfFile: (path: string) => readonly string[]): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const open: string[] = [];
  const visit = (path: string) => {
    if (open.includes(path)) found.push([...open.slice(open.indexOf(path)), path].join(' -> '));
    if (done.has(path)) return;
    done.add(path);
    open.push(path);
    for (const imported of importsOfFile(path).filter(isOfTheHouse)) visit(imported);
    open.pop();
  };
  HOUSE.forEach(visit);
  return found;
}

const DEPLOY_COMMAND = 'src/cli/commands/deploy.ts';

/** What the command and its client of AWS import from infra, except for the deploy command, as `file imports file`. */
function importsOfInfra(importsOfFile: (path: string) => readonly string[]): string[] {
  return HOUSE.filter((path) => /^src\/(cli|aws)\//.test(path) && path !== DEPLOY_COMMAND).flatMap((path) =>
    importsOfFile(path)
      .filter((imported) => imported.startsWith('infra/'))
      .map((imported) => `${path} imports ${imported}`),
  );
}

const fromHere = (path: string) => resolvedImports(join(ROOT, path));

describe('the floors of the house', () => {
  it('have a place for every file', () => {
    expect(HOUSE.filter((path) => floorOf(path) === -1)).toEqual([]);
  });

  it('are there, each', () => {
    expect(FLOORS.filter((folder) => sourcesBelow(folder).length === 0)).toEqual([]);
  });

  it('use what is below them only', () => {
    expect(arrowsUpwards(fromHere)).toEqual([]);
  });

  it('have no circles between files', () => {
    expect(circles(fromHere)).toEqual([]);
  });

  it.each([
    ['src/base/errors.ts', 'src/cli/main.ts'],
    ['src/shuffle/merge.ts', 'src/reduce/reduce-task.ts'],
    ['lambdas/map.ts', 'infra/deploy/stack.ts'],
  ])('would show it if %s imported %s', (path, imported) => {
    const changed = (file: string) => (file === path ? [...fromHere(file), imported] : fromHere(file));

    expect(arrowsUpwards(changed)).toEqual([`${path} imports ${imported}`]);
  });

  it('would show a circle', () => {
    const path = 'src/base/errors.ts';
    const changed = (file: string) => (file === path ? [...fromHere(file), path] : fromHere(file));

    expect(circles(changed)).toEqual([`${path} -> ${path}`]);
  });
});

describe('imports point inward', () => {
  it('an app uses the public API, itself, other apps, and nothing else of the project', () => {
    const found = violations(
      'apps',
      (imported) =>
        imported.startsWith('src/') || imported.startsWith('infra') || imported.startsWith('lambdas'),
    );

    expect(found).toEqual([]);
  });

  it.each(ENGINE)('%s knows nothing of threads, processes and apps', (folder) => {
    const found = violations(
      folder,
      (imported) =>
        /^(apps|emulators)\//.test(imported) ||
        imported === 'node:worker_threads' ||
        imported === 'node:child_process',
    );

    expect(found).toEqual([]);
  });

  it('only the S3 store knows the S3 SDK', () => {
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
    'the check would show it if %s imported infra',
    (path) => {
      const changed = (file: string) =>
        file === path ? [...fromHere(file), 'infra/index.ts'] : fromHere(file);

      expect(importsOfInfra(changed)).toEqual([`${path} imports infra/index.ts`]);
    },
  );

  it('the client of AWS leaves the terminal to the command', () => {
    const found = sourcesBelow('src/aws').filter((path) =>
      /\bprocess\.std(out|err|in)\b|\bconsole\./.test(readFileSync(path, 'utf8')),
    );

    expect(found.map((path) => relative(ROOT, path))).toEqual([]);
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
    expect(resolvedImports(join(ROOT, 'src/map/map-task.ts'))).toContain('src/read/read-records.ts');
  });
});
