/**
 * Bundles each handler with what it uses, the deployment's jobs among it, into one ES module: small zips, short cold
 * starts, no Docker, no network. The same sources give the same bytes, so an unchanged function is not deployed again.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { buildSync, type Metafile } from 'esbuild';
import { FUNCTION_NAMES, type FunctionName } from './function-names.ts';

const ROOT = resolve(import.meta.dirname, '..');

export interface Bundles extends Disposable {
  /** Holds index.mjs and its source map. */
  readonly folder: (name: FunctionName) => string;
  /** Of index.mjs, uncompressed. */
  readonly sizeBytes: (name: FunctionName) => number;
  readonly metafile: Metafile;
}

/**
 * @param jobs  path of the module that exports `apps`
 * @returns folders that are gone once it is disposed of: CDK copies them when the function is made
 */
export function bundleHandlers(jobs: string): Bundles {
  const jobsPath = resolve(jobs);
  if (!existsSync(jobsPath)) {
    throw new Error(
      `jobs is the path of the module that exports the apps, such as 'apps/index.ts'; received '${jobs}', and there is no ${jobsPath}`,
    );
  }
  // Source maps name the sources relative to here: below the package they are the same on every machine.
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  const outdir = mkdtempSync(join(ROOT, '.cache', 'bundle-'));
  try {
    const { metafile } = buildSync({
      absWorkingDir: ROOT,
      entryPoints: FUNCTION_NAMES.map((name) => ({ in: `lambdas/${name}.ts`, out: `${name}/index` })),
      outdir,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'esm',
      // This package's own sources, where a job imports it by name.
      conditions: ['source'],
      mainFields: ['module', 'main'],
      alias: { '#jobs': jobsPath, 'serverless-mapreduce': join(ROOT, 'src/index.ts') },
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
    return {
      folder: (name) => join(outdir, name),
      sizeBytes: (name) => metafile.outputs[relative(ROOT, join(outdir, name, 'index.mjs'))].bytes,
      metafile,
      [Symbol.dispose]: () => rmSync(outdir, { recursive: true, force: true }),
    };
  } catch (error) {
    rmSync(outdir, { recursive: true, force: true });
    throw new Error(`the functions do not bundle with the jobs of ${relative(dirname(ROOT), jobsPath)}`, {
      cause: error,
    });
  }
}
