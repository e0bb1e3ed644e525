/**
 * Bundles each handler with what it uses, the deployment's jobs among it, into one ES module: small zips, short cold
 * starts, no Docker, no network. The same sources give the same bytes, so an unchanged function is not deployed again.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { buildSync, type Metafile, type OutputFile } from 'esbuild';
import type { DeployedApp } from '../../src/aws/protocol/app-catalog.ts';
import { FUNCTION_NAMES, type FunctionName } from '../functions/function-names.ts';
import { loadedApps } from './jobs-check.ts';

/** The checkout, or dist/ of the published package, where the same folders hold compiled modules. */
const ROOT = resolve(import.meta.dirname, '../..');
const ENDING = import.meta.filename.endsWith('.ts') ? '.ts' : '.js';
/** Nothing is written there: source maps name the sources relative to it, so that they are the same on every machine. */
const OUT_FOLDER = join(ROOT, 'bundles');
/**
 * An ES module that imports node:http reads all its exports, and one of them, WebSocket, has Node load undici: 10 ms of
 * each cold start. Of a CommonJS module an export is read when it is used.
 */
const HTTP_WITHOUT_UNDICI = `data:text/javascript,module.exports=process.getBuiltinModule('node:http')`;

export interface Bundles extends Disposable {
  /** Holds index.mjs and its source map. */
  readonly folder: (name: FunctionName) => string;
  /** Of index.mjs, uncompressed. */
  readonly sizeBytes: (name: FunctionName) => number;
  readonly metafile: Metafile;
  /** That the jobs module exports; every one of them loads. */
  readonly apps: readonly DeployedApp[];
}

interface Built {
  readonly apps: readonly DeployedApp[];
  readonly metafile: Metafile;
  readonly files: readonly OutputFile[];
  /** What each source was when it was read: its size and the time of its last change. */
  readonly stamps: ReadonlyMap<string, string>;
}

/** By jobs module: the stacks of an app, one for each stage or customer, mostly run the same jobs. */
const built = new Map<string, Built>();

/**
 * @param jobs  path of the module that exports `apps`
 * @returns folders that are gone once it is disposed of: CDK copies them when the function is made, unless told not to
 */
export function bundleHandlers(jobs: string): Bundles {
  const jobsPath = resolve(jobs);
  if (!existsSync(jobsPath)) {
    throw new Error(
      `jobs is the path of the module that exports the apps, such as 'apps/index.ts'; received '${jobs}', and there is no ${jobsPath}`,
    );
  }
  const earlier = built.get(jobsPath);
  const { apps, metafile, files } = earlier !== undefined && isFresh(earlier) ? earlier : buildOnce(jobsPath);
  const folder = writtenTo(files);
  return {
    apps,
    folder: (name) => join(folder, name),
    sizeBytes: (name) => metafile.outputs[relative(ROOT, join(OUT_FOLDER, name, 'index.mjs'))].bytes,
    metafile,
    [Symbol.dispose]: () => removeFolder(folder),
  };
}

function buildOnce(jobsPath: string): Built {
  // The jobs are looked at before the functions are made, which takes longer: what is refused is refused at once.
  const apps = appsOf(jobsPath);
  const { metafile, outputFiles: files } = build(
    FUNCTION_NAMES.map((name) => ({ in: `lambdas/${name}${ENDING}`, out: `${name}/index` })),
    jobsPath,
  );
  const stamps = new Map(Object.keys(metafile.inputs).map((path) => [path, stampOf(path)]));
  const made = { apps, metafile, files, stamps };
  built.set(jobsPath, made);
  return made;
}

function appsOf(jobsPath: string): readonly DeployedApp[] {
  const probe = build([{ in: `infra/bundling/apps-probe${ENDING}`, out: 'apps-probe/index' }], jobsPath);
  const folder = writtenTo(probe.outputFiles);
  try {
    return loadedApps(join(folder, 'apps-probe/index.mjs'), jobsPath);
  } finally {
    removeFolder(folder);
  }
}

function build(entryPoints: { in: string; out: string }[], jobsPath: string) {
  try {
    return buildSync({
      absWorkingDir: ROOT,
      entryPoints,
      outdir: OUT_FOLDER,
      write: false,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'esm',
      // The SDK's ES modules, of which only what is used gets in: an eighth less than of its CommonJS, for which
      // packages name the condition `node`.
      conditions: ['module'],
      mainFields: ['module', 'main'],
      // The package's name leads to this very copy, wherever the jobs lie.
      alias: {
        '#jobs': jobsPath,
        'serverless-mapreduce': join(ROOT, `src/index${ENDING}`),
        http: HTTP_WITHOUT_UNDICI,
        'node:http': HTTP_WITHOUT_UNDICI,
      },
      // Names stay readable in stack traces; classes keep theirs, for errors matched by name.
      minifyWhitespace: true,
      minifySyntax: true,
      keepNames: true,
      sourcemap: true,
      sourcesContent: false,
      legalComments: 'none',
      // Some packages of the X-Ray SDK are CommonJS and require() Node's modules.
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
      metafile: true,
      logLevel: 'warning',
    });
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    throw new Error(`the functions do not bundle with the jobs of ${jobsPath}`, { cause: error });
  }
}

/** Not below the package: where that is installed may be for reading only. */
function writtenTo(files: readonly OutputFile[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'mapreduce-bundles-'));
  try {
    for (const { path, contents } of files) {
      const file = join(folder, relative(OUT_FOLDER, path));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, contents);
    }
    return folder;
  } catch (error) {
    removeFolder(folder);
    throw error;
  }
}

function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

function isFresh({ stamps }: Built): boolean {
  return [...stamps].every(([path, stamp]) => stampOf(path) === stamp);
}

/** @param path  of a source, relative to the root; a module out of a `data:` URL is no file */
function stampOf(path: string): string {
  const stats = statSync(resolve(ROOT, path), { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.size} ${stats.mtimeMs}`;
}

function isBuildFailure(error: unknown): boolean {
  return error instanceof Error && 'errors' in error;
}
