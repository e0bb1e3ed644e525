/** The programs that the benchmark compares: our command and the peers of `--peers`, each as a command for a child process. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PeerTask, type Workload, type WorkloadName, workload } from './workloads.ts';

export const OURS = 'mapreduce';
export const PEER_NAMES = ['coreutils', 'awk', 'duckdb', 'polars'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/** This checkout's command. */
export const ENGINE_DEFAULT = fileURLToPath(new URL('../bin/mapreduce.js', import.meta.url));
const PEERS_FOLDER = fileURLToPath(new URL('./peers', import.meta.url));
const NPM_LINES_MAX = 5;
/** The tasks of each shell script. */
const SHELL_TASKS: Readonly<Record<string, readonly PeerTask[]>> = {
  'coreutils.sh': ['word-count', 'sort', 'grep'],
  'awk.sh': ['word-count', 'grep'],
};
const AWKS = ['mawk', 'gawk', 'awk'];

export interface Contender {
  readonly name: string;
  /** The version that the program prints. */
  readonly version: string;
  /** Returns undefined if the program cannot run this workload. */
  command(run: ContenderRun): ContenderCommand | undefined;
}

export interface ContenderRun {
  readonly workload: WorkloadName;
  readonly input: string;
  /** Does not exist yet. A peer creates a file, our command creates a folder. */
  readonly output: string;
  readonly workers: number;
}

export interface ContenderCommand {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export function ourCommand(options: { engine: string; memory: string | undefined }): Contender {
  return {
    name: OURS,
    version: 'this checkout',
    command({ workload: name, input, output, workers }) {
      const [job, ...parameters] = workload(name).ours;
      const jobOrPath = jobOf(job!, options.engine);
      if (jobOrPath === undefined) return undefined;
      return {
        command: [
          ...[process.execPath, options.engine, 'run', jobOrPath, ...parameters],
          ...['--input', input, '--output', output, '--overwrite', '--workers', String(workers)],
          ...(options.memory === undefined ? [] : ['--memory', options.memory]),
        ],
      };
    },
  };
}

/** A job module of the benchmark belongs to the checkout of the engine, since it imports that engine's API. */
export function jobOf(job: string, engine: string): string | undefined {
  if (!job.endsWith('.ts')) return job;
  const path = join(dirname(dirname(engine)), job);
  return existsSync(path) ? path : undefined;
}

/** The command of another checkout. `path` is its folder or the command itself. */
export function engineAt(path: string): string {
  const absolute = resolve(path);
  const isFolder = statSync(absolute, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? join(absolute, 'bin', 'mapreduce.js') : absolute;
}

/** Another build of our command. Its path is its name. */
export function otherBuild(options: { engine: string; memory: string | undefined }): Contender {
  return { ...ourCommand(options), name: options.engine.replace(/\/bin\/mapreduce\.js$/, '') };
}

/** Returns the available peers, and for each missing peer the reason. */
export function findPeers(names: readonly PeerName[]): { peers: Contender[]; missing: string[] } {
  const peers: Contender[] = [];
  const missing: string[] = [];
  for (const name of names) {
    const found = findPeer(name);
    if (typeof found === 'string') missing.push(found);
    else peers.push(found);
  }
  return { peers, missing };
}

function findPeer(name: PeerName): Contender | string {
  switch (name) {
    case 'coreutils': {
      const absent = ['sh', 'sort', 'uniq', 'tr', 'grep', 'awk'].filter((tool) => !isCommand(tool));
      if (absent.length > 0) return `coreutils: no ${absent.join(', ')} on the PATH`;
      return shellPeer({ name, script: 'coreutils.sh', version: firstLine('sort', ['--version']), env: {} });
    }
    case 'awk': {
      const awk = AWKS.find(isCommand);
      if (awk === undefined) return `awk: none of ${AWKS.join(', ')} on the PATH`;
      const version = firstLine(awk, awk === 'mawk' ? ['-W', 'version'] : ['--version']);
      return shellPeer({ name: awk, script: 'awk.sh', version, env: { AWK: awk } });
    }
    case 'duckdb':
      return npmPeer({ name, script: 'duckdb.js', packageName: '@duckdb/node-api' });
    case 'polars':
      return npmPeer({ name, script: 'polars.js', packageName: 'nodejs-polars' });
  }
}

function shellPeer(peer: {
  name: string;
  script: string;
  version: string;
  env: Record<string, string>;
}): Contender {
  return {
    name: peer.name,
    version: peer.version,
    command(run) {
      const { peerTask } = workload(run.workload);
      if (peerTask === undefined || !SHELL_TASKS[peer.script]?.includes(peerTask)) return undefined;
      return { command: ['sh', `${PEERS_FOLDER}/${peer.script}`, ...taskArguments(run)], env: peer.env };
    },
  };
}

function npmPeer(peer: { name: string; script: string; packageName: string }): Contender | string {
  const version = installPeersOnce().versions.get(peer.packageName);
  if (version === undefined) return `${peer.name}: ${installPeersOnce().problem ?? 'not installed'}`;
  return {
    name: peer.name,
    version: `${peer.packageName} ${version}`,
    command(run) {
      if (workload(run.workload).peerTask === undefined) return undefined;
      return { command: [process.execPath, `${PEERS_FOLDER}/${peer.script}`, ...taskArguments(run)] };
    },
  };
}

function taskArguments({ workload: name, input, output, workers }: ContenderRun): string[] {
  const { peerTask, peerPattern }: Workload = workload(name);
  return [peerTask!, input, output, String(workers), peerPattern ?? ''];
}

interface Installed {
  readonly versions: ReadonlyMap<string, string>;
  readonly problem?: string;
}

let installed: Installed | undefined;

/** Installs the peers here, because the packages take 180 MiB and are not dependencies of the project. */
function installPeersOnce(): Installed {
  installed ??= installPeers();
  return installed;
}

function installPeers(): Installed {
  const manifest = JSON.parse(readFileSync(`${PEERS_FOLDER}/package.json`, 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const wanted = Object.keys(manifest.dependencies);
  const upToDate = wanted.every((name) => versionOf(name) === manifest.dependencies[name]);
  if (!upToDate) {
    process.stderr.write('installing DuckDB and polars into bench/peers (180 MiB) ...\n');
    // Omits the variables that `npm run` sets for its scripts; with them, npm would install into this project.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^npm_(package_|lifecycle_|config_local_prefix)/.test(name),
      ),
    );
    const npm = spawnSync('npm', ['ci', '--loglevel=error', '--ignore-scripts'], {
      cwd: PEERS_FOLDER,
      env,
      encoding: 'utf8',
    });
    if (npm.status !== 0) {
      const said = npm.error?.message ?? npm.stderr.trim().split('\n').slice(0, NPM_LINES_MAX).join('\n');
      return { versions: new Map(), problem: `npm ci in bench/peers failed: ${said}` };
    }
  }
  const versions = new Map<string, string>();
  for (const name of wanted) {
    const version = versionOf(name);
    if (version !== undefined) versions.set(name, version);
  }
  return { versions };
}

function versionOf(packageName: string): string | undefined {
  const path = `${PEERS_FOLDER}/node_modules/${packageName}/package.json`;
  if (!existsSync(path)) return undefined;
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

function isCommand(name: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name], { stdio: 'ignore' }).status === 0;
}

function firstLine(command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return (stdout || stderr || '').split('\n', 1)[0]!.trim();
}
