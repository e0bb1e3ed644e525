/**
 * Bundles each handler and what it uses, including the jobs of the deployment, into one ES module. The zips are small,
 * cold starts are short, and bundling needs neither Docker nor the network. The same sources give the same bytes, so an
 * unchanged function is not deployed again.
 */
import { createHash } from 'node:crypto';
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
/**
 * Nothing is written there. Source maps name the sources relative to it, so that they are the same on every machine.
 */
const OUT_FOLDER = join(ROOT, 'bundles');
/**
 * An ES module that imports node:http reads all its exports, and reading one of them, WebSocket, makes Node load
 * undici, which adds 10 ms to each cold start. The exports of a CommonJS module are read when they are used.
 */
const HTTP_WITHOUT_UNDICI = `data:text/javascript,module.exports=process.getBuiltinModule('node:http')`;

export interface Bundles extends Disposable {
  /** The folder with index.mjs and its source map. */
  readonly folder: (name: FunctionName) => string;
  /** The size of index.mjs, uncompressed. */
  readonly sizeBytes: (name: FunctionName) => number;
  readonly metafile: Metafile;
  /** The apps that the jobs module exports. All of them load. */
  readonly apps: readonly DeployedApp[];
  /** Identifies the code of all functions together: 12 hexadecimal digits of its SHA-256. */
  readonly codeHash: string;
}

interface Built {
  readonly apps: readonly DeployedApp[];
  readonly metafile: Metafile;
  readonly files: readonly OutputFile[];
  readonly codeHash: string;
  /** The size of each source, and the time of its last change, when it was read. */
  readonly stamps: ReadonlyMap<string, string>;
}

/** By jobs module. The stacks of an app, for example one for each customer, mostly run the same jobs. */
const built = new Map<string, Built>();

/**
 * @param jobs  path of the module that exports `apps`
 * @returns folders that are removed on dispose; CDK copies them when the function is made, unless staging is disabled
 * @throws Error for a module that does not exist, bundle or load, or that exports no apps
 */
export function bundleHandlers(jobs: string): Bundles {
  const jobsPath = resolve(jobs);
  if (!existsSync(jobsPath)) {
    throw new Error(
      `jobs is the path of the module that exports the apps, such as 'apps/index.ts'; received '${jobs}', but ${jobsPath} does not exist`,
    );
  }
  const earlier = built.get(jobsPath);
  const { apps, metafile, files, codeHash } =
    earlier !== undefined && isFresh(earlier) ? earlier : buildOnce(jobsPath);
  const folder = writtenTo(files);
  return {
    apps,
    codeHash,
    folder: (name) => join(folder, name),
    // The `!`: every function is an entry point, so it has an output.
    sizeBytes: (name) => metafile.outputs[relative(ROOT, join(OUT_FOLDER, name, 'index.mjs'))]!.bytes,
    metafile,
    [Symbol.dispose]: () => removeFolder(folder),
  };
}

function buildOnce(jobsPath: string): Built {
  // The jobs are checked before the functions are bundled, which takes longer, so that a refusal comes immediately.
  const apps = appsOf(jobsPath);
  const { metafile, outputFiles: files } = build(
    FUNCTION_NAMES.map((name) => ({ in: `lambdas/${name}${ENDING}`, out: `${name}/index` })),
    jobsPath,
  );
  const stamps = new Map(Object.keys(metafile.inputs).map((path) => [path, stampOf(path)]));
  const made = { apps, metafile, files, codeHash: hashOf(files), stamps };
  built.set(jobsPath, made);
  return made;
}

const CODE_HASH_DIGITS = 12;

/** Leaves out the source maps, which name sources outside of the package by their path on this machine. */
function hashOf(files: readonly OutputFile[]): string {
  const modules = files
    .filter(({ path }) => path.endsWith('.mjs'))
    .map(({ path, contents }) => [relative(OUT_FOLDER, path), sha256(contents)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(JSON.stringify(modules)).slice(0, CODE_HASH_DIGITS);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
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
      // Takes the ES modules of the SDK, of which only the used parts are bundled: an eighth less than its CommonJS,
      // which packages name under the condition `node`.
      conditions: ['module'],
      mainFields: ['module', 'main'],
      // The jobs import the package by its name, and get this very copy, wherever they are.
      alias: {
        '#jobs': jobsPath,
        'serverless-mapreduce': join(ROOT, `src/index${ENDING}`),
        http: HTTP_WITHOUT_UNDICI,
        'node:http': HTTP_WITHOUT_UNDICI,
      },
      // Names stay readable in stack traces, and errors are matched by the names of their classes.
      minifyWhitespace: true,
      minifySyntax: true,
      keepNames: true,
      sourcemap: true,
      sourcesContent: false,
      legalComments: 'none',
      // Some packages of the X-Ray SDK are CommonJS and require() modules of Node.
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
      metafile: true,
      logLevel: 'warning',
    });
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    throw new Error(`cannot bundle the functions with the jobs of ${jobsPath}`, { cause: error });
  }
}

/** Not inside the package, which may be installed on a read-only file system. */
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

/**
 * @param path  of a source, relative to the root
 * @returns '' for what is no file, such as a module from a `data:` URL
 */
function stampOf(path: string): string {
  const stats = statSync(resolve(ROOT, path), { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.size} ${stats.mtimeMs}`;
}

function isBuildFailure(error: unknown): boolean {
  return error instanceof Error && 'errors' in error;
}
