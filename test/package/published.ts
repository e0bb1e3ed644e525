/**
 * Provides the package as users get it: packed by npm, and installed into a project outside the checkout.
 *
 * `npm run test:package` installs it with npm from the registry. Otherwise this unpacks the tarball and links the
 * dependencies in package.json from the checkout, which needs no network and takes half a second. In both cases, a
 * package that package.json does not declare is not found.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { cleanEnvironment } from '../cli/cli-process.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PROJECT = join(import.meta.dirname, 'project');
/** The files of the root that `npm pack` reads. */
const SOURCES = [
  ...['apps', 'bin', 'docs', 'infra', 'lambdas', 'scripts', 'src'],
  ...['package.json', 'tsconfig.json', 'tsconfig.build.json', 'README.md', 'CHANGELOG.md', 'LICENSE'],
];
const INSTALLS_WITH_NPM = process.env.MAPREDUCE_TEST_PACKAGE === 'npm';

interface Manifest {
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

export interface UserProject {
  readonly folder: string;
  /** The paths of all files in the package. */
  readonly packed: readonly string[];
  /** Installs the peer dependencies, which deployments and the construct need. */
  readonly installPeers: () => Promise<void>;
  /** Runs a command of node_modules/.bin, or node itself. */
  readonly run: (
    command: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ) => Promise<Ran>;
  /**
   * Returns the output of `npm publish --dry-run`, which needs no account and no network. Rejects if npm would reject
   * the package.
   */
  readonly publishDryRun: () => Promise<string>;
  readonly remove: () => Promise<void>;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Creates a project with the files of test/package/project/ and the package, without its peer dependencies. */
export async function userProject(): Promise<UserProject> {
  const base = await mkdtemp(join(tmpdir(), 'mapreduce-package-'));
  const tarball = await pack(base);
  const folder = join(base, 'user');
  await cp(PROJECT, folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Manifest;
  const installed = join(folder, 'node_modules', manifest.name);
  const install = INSTALLS_WITH_NPM ? npmInstall : linkFromCheckout;
  if (INSTALLS_WITH_NPM) await npmInstall(folder, { file: tarball });
  else {
    await unpack(tarball, installed);
    await linkFromCheckout(folder, manifest.dependencies);
  }
  return {
    folder,
    packed: (await readdir(installed, { recursive: true })).sort(),
    installPeers: () => install(folder, manifest.peerDependencies),
    run: (command, args, env) => run(folder, [command, ...args], env),
    publishDryRun: () => publishDryRun(join(base, 'package')),
    remove: () => rm(base, { recursive: true, force: true }),
  };
}

/** Packs a copy, to leave the checkout's own dist/ unchanged. */
async function pack(base: string): Promise<string> {
  const copy = join(base, 'package');
  await mkdir(copy);
  for (const name of SOURCES) await cp(join(ROOT, name), join(copy, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  await npm(copy, ['pack', '--pack-destination', base]);
  const tarballs = (await readdir(base)).filter((name) => name.endsWith('.tgz'));
  return join(base, tarballs[0]!);
}

/** The folder is already built. A named tag keeps npm from comparing versions with the registry. */
async function publishDryRun(folder: string): Promise<string> {
  const { stderr } = await npm(folder, [
    ...['publish', '--dry-run', '--offline', '--ignore-scripts', '--tag', 'latest', '--loglevel=notice'],
  ]);
  return stderr;
}

async function unpack(tarball: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await promisify(execFile)('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder]);
}

async function npmInstall(folder: string, specifiers: Readonly<Record<string, string>>): Promise<void> {
  const names = Object.entries(specifiers).map(([name, version]) =>
    name === 'file' ? version : `${name}@${version}`,
  );
  await npm(folder, ['install', '--no-audit', '--no-fund', ...names]);
}

/** Links packages. Node finds their own dependencies, because it resolves a link to the real path first. */
async function linkFromCheckout(folder: string, packages: Readonly<Record<string, string>>): Promise<void> {
  for (const name of Object.keys(packages)) {
    const link = join(folder, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), link);
  }
}

async function npm(cwd: string, args: readonly string[]): Promise<{ stderr: string }> {
  return await promisify(execFile)('npm', args, {
    cwd,
    env: cleanEnvironment(),
    maxBuffer: 16 * 1024 * 1024,
  });
}

/** Runs a command with the Node that runs the tests. Never throws. */
async function run(
  cwd: string,
  [command, ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const file = BINARIES[command!];
  const argv = file === undefined ? args : [resolve(cwd, file), ...args];
  return new Promise((done) => {
    execFile(
      process.execPath,
      argv,
      { cwd, env: cleanEnvironment(env), maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ code, stdout, stderr });
      },
    );
  });
}

const BINARIES: Readonly<Record<string, string>> = {
  mapreduce: 'node_modules/serverless-mapreduce/bin/mapreduce.js',
  tsc: join(ROOT, 'node_modules/typescript/bin/tsc'),
  cdk: 'node_modules/aws-cdk/bin/cdk',
};
