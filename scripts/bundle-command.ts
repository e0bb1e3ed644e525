/**
 * Bundles what `mapreduce run` loads, after tsc has compiled it to dist/. Reading and compiling 270 modules takes most of the
 * time of a small job.
 *
 *     dist/command/early-thread.cjs    starts a worker thread; bin/mapreduce.js calls it first
 *     dist/command/main.cjs            the command; bin/mapreduce.js runs it with bin/bundle.js
 *     dist/command/worker.cjs          the entry module of a worker thread; runs worker-bundle.cjs with bin/bundle.js
 *     dist/command/worker-bundle.cjs   the engine and the API
 *     dist/command/index.js            what jobs get for 'serverless-mapreduce': the API in worker-bundle.cjs
 *
 * dist/src stays as it is: all other commands, the construct and the functions on AWS use its modules.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const FOLDER = join(DIST, 'command');

/**
 * Modules that `mapreduce run` never needs, or only to name what another command would do. The bundle imports those of
 * dist/src, which share no state with it.
 */
const NEVER_RUN =
  /\/(?:commands\/(?:aws-commands|option-elsewhere|slowest|plan|list|describe)|flags\/deployment-flags|aws\/client\/[\w-]+)\.js$/;

/** bin/bundle.js gives it `__build`. */
const BUILD_MODULES = `
  import { pathToFileURL } from 'node:url';
  export const WORKER_MODULE = new URL('worker.cjs', pathToFileURL(__filename));
  export const API_MODULE = new URL('index.js', pathToFileURL(__filename));
  export const keepCompiledCode = __build.keepCompiledCode;
  let { earlyThread } = __build;
  export function takeEarlyThread() {
    const taken = earlyThread;
    earlyThread = undefined;
    return taken;
  }
`;

/** Modules find their neighbours by import.meta.url, which must name the module, not the bundle. */
const keepsModuleUrls: Plugin = {
  name: 'keeps-module-urls',
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /\/build-modules\.js$/ }, () => ({ contents: BUILD_MODULES }));
    onLoad({ filter: /\/dist\/.*\.js$/ }, ({ path }) => {
      const url = `__moduleUrl(${JSON.stringify(relative(FOLDER, path))})`;
      return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url) };
    });
    onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      const module = join(resolveDir, path);
      return kind === 'dynamic-import' && NEVER_RUN.test(module)
        ? { path: `./${relative(FOLDER, module)}`, external: true }
        : undefined;
    });
  },
};

/** Commander loads it for commands that are programs of their own. Loading it takes 4 ms. */
const loadsChildProcessLater: Plugin = {
  name: 'loads-child-process-later',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/commander/') ? { path: 'child-process', namespace: 'later' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'later' }, () => ({
      contents: `export default { get spawn() { return process.getBuiltinModule('node:child_process').spawn; } };`,
    }));
  },
};

const OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  external: ['log-update'],
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  banner: {
    js: "const __moduleUrl=(path)=>new URL(path,require('node:url').pathToFileURL(__filename)).href;",
  },
  plugins: [keepsModuleUrls, loadsChildProcessLater],
} satisfies BuildOptions;

mkdirSync(FOLDER, { recursive: true });
const main = await bundle('main.cjs', { entryPoints: [join(DIST, 'src/cli/main.js')] });
const worker = await bundle('worker-bundle.cjs', {
  stdin: {
    contents: `export * from './index.js'; import './local/threads/worker.js';`,
    resolveDir: join(DIST, 'src'),
    sourcefile: 'dist/src/index-and-worker.js',
  },
});
await bundle('early-thread.cjs', { entryPoints: [join(DIST, 'src/local/threads/start-thread.js')] });
writeFileSync(
  join(FOLDER, 'worker.cjs'),
  `module.exports = require('../../bin/bundle.js').runBundle(require('node:path').join(__dirname, 'worker-bundle.cjs'));\n`,
);
const names = Object.keys(await import(pathToFileURL(join(DIST, 'src/index.js')).href));
writeFileSync(
  join(FOLDER, 'index.js'),
  `import api from './worker.cjs';\nexport const { ${names.join(', ')} } = api;\n`,
);
writeFileSync(join(FOLDER, 'LICENSES.txt'), licences(main, worker));

/** Bundles, and replaces the imports that are left, which a script cannot do by itself. */
async function bundle(name: string, entry: BuildOptions): Promise<Metafile> {
  const { outputFiles, metafile } = await build({
    ...OPTIONS,
    ...entry,
    metafile: true,
    write: false,
    outfile: join(FOLDER, name),
  });
  writeFileSync(join(FOLDER, name), outputFiles[0]!.text.replaceAll(/\bimport\(/g, '__import('));
  return metafile;
}

/** The licences of the packages in the bundles, which say that copies must come with them. */
function licences(...metafiles: readonly Metafile[]): string {
  const paths = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const packages = new Set(paths.flatMap((path) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []));
  return [...packages]
    .sort()
    .map((path) => {
      const folder = join(ROOT, path);
      const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
      if (file === undefined) throw new Error(`${folder} has no licence, so it cannot be bundled`);
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    })
    .join('\n\n');
}
