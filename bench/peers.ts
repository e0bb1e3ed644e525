/** The programs of `--peers`: what each of them can run, how its version is found, and why it is missing. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EmulatorUnavailableError } from '../emulators/errors.ts';
import { preparePythonEnvironment } from '../emulators/python.ts';
import type { Contender, ContenderRun } from './contenders.ts';
import { type Built, buildLimit } from './rust-limit.ts';
import { type PeerTask, type Workload, type WorkloadName, workload } from './workloads.ts';

/**
 * `duckdb` and `polars` run the fastest query that we found. The `-direct` ones run the query as one would write it, and
 * only workloads for which it is another one. `duckdb-cli` is DuckDB's own command, which starts fastest. `rust` is the limit:
 * a program for these workloads alone, and `rust-direct` a plain one with hash maps.
 */
export const PEER_NAMES = [
  'coreutils',
  'awk',
  'ripgrep',
  'duckdb',
  'duckdb-direct',
  'duckdb-cli',
  'polars',
  'polars-direct',
  'rust',
  'rust-direct',
] as const;
export type PeerName = (typeof PEER_NAMES)[number];

const AWKS = ['mawk', 'gawk', 'awk'];

/** The peers that the summary compares with; the last is the limit. */
export const PEER_GROUPS = {
  engines: ['duckdb', 'duckdb-cli', 'polars'],
  /** Each falls back to the name without `-direct`, for workloads in which they do not differ. */
  direct: ['duckdb-direct', 'polars-direct'],
  tools: ['coreutils', ...AWKS, 'ripgrep'],
  limit: ['rust'],
} as const;

const PEERS_FOLDER = fileURLToPath(new URL('./peers', import.meta.url));
const REQUIREMENTS_FILE = join(PEERS_FOLDER, 'requirements.txt');
/** For these, the newest DuckDB and polars have wheels. */
const PYTHON_MINORS = [13, 12, 11, 14];
const WORD_TASKS: readonly PeerTask[] = ['word-count', 'token-count', 'gzip-word-count'];
const ALL_TASKS: readonly PeerTask[] = [...WORD_TASKS, 'sort', 'grep', 'jsonl-groups', 'csv-groups'];

/** Returns the available peers in the order of `names`, and for each missing peer the reason. Installs what it needs once. */
export async function findPeers(
  names: readonly PeerName[],
): Promise<{ peers: Contender[]; missing: string[] }> {
  const peers: Contender[] = [];
  const missing = new Map<string, string[]>();
  for (const name of names) {
    const found = await findPeer(name);
    if (typeof found === 'string') missing.set(found, [...(missing.get(found) ?? []), name]);
    else peers.push(found);
  }
  return { peers, missing: [...missing].map(([reason, of]) => `${of.join(', ')}: ${reason}`) };
}

/** Returns the peer, or why it is missing. */
async function findPeer(name: PeerName): Promise<Contender | string> {
  switch (name) {
    case 'coreutils': {
      const absent = ['sh', 'sort', 'uniq', 'tr', 'grep', 'awk'].filter((tool) => !isCommand(tool));
      if (absent.length > 0) return `no ${absent.join(', ')} on the PATH`;
      return programPeer({
        name,
        version: firstLine('sort', ['--version']),
        command: shell('coreutils.sh'),
        tasks: ['word-count', 'token-count', 'sort', 'grep'],
      });
    }
    case 'awk': {
      const awk = AWKS.find(isCommand);
      if (awk === undefined) return `none of ${AWKS.join(', ')} on the PATH`;
      return programPeer({
        name: awk,
        version: firstLine(awk, awk === 'mawk' ? ['-W', 'version'] : ['--version']),
        command: shell('awk.sh'),
        env: { AWK: awk },
        tasks: ['word-count', 'token-count', 'grep'],
      });
    }
    case 'rust':
    case 'rust-direct':
      return rustPeer(name);
    default:
      return pythonPeer(name);
  }
}

type PythonPeerName = Exclude<PeerName, 'coreutils' | 'awk' | 'rust' | 'rust-direct'>;

async function pythonPeer(name: PythonPeerName): Promise<Contender | string> {
  const { python, problem } = await installOnce();
  if (python === undefined) return problem;
  const program = (file: string) => join(dirname(python), file);
  // -I: nothing of the user's, neither variables nor packages, nor this folder.
  const script = (file: string) => [python, '-I', join(PEERS_FOLDER, file)];
  switch (name) {
    case 'ripgrep':
      return programPeer({
        name,
        version: firstLine(program('rg'), ['--version']),
        command: shell('ripgrep.sh'),
        env: { RIPGREP: program('rg') },
        tasks: ['grep'],
      });
    case 'duckdb-cli':
      return programPeer({
        name,
        version: `${pinned('duckdb-cli')} (PyPI has no newer command)`,
        command: shell('duckdb-cli.sh'),
        env: { DUCKDB: program('duckdb') },
        tasks: ['word-count'],
        only: ['tiny'],
      });
    case 'duckdb':
    case 'polars':
      return programPeer({
        name,
        version: `${pinned(name)} from PyPI`,
        command: script(`${name}-tasks.py`),
        tasks: ALL_TASKS,
      });
    case 'duckdb-direct':
    case 'polars-direct': {
      const packageName = name === 'duckdb-direct' ? 'duckdb' : 'polars';
      return programPeer({
        name,
        version: `${pinned(packageName)}, words in one step`,
        command: script(`${packageName}-tasks.py`),
        tasks: WORD_TASKS,
        taskSuffix: '-direct',
      });
    }
  }
}

let built: Promise<Built> | undefined;

async function rustPeer(name: 'rust' | 'rust-direct'): Promise<Contender | string> {
  built ??= buildLimit(say);
  const limit = await built;
  if (limit.program === undefined) return limit.problem;
  const { program, version } = limit;
  return name === 'rust'
    ? programPeer({ name, version, command: [program], tasks: ['word-count', 'token-count', 'sort'] })
    : programPeer({
        name,
        version: 'the same program, words by hash maps',
        command: [program],
        tasks: ['word-count', 'token-count'],
        taskSuffix: '-direct',
      });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function shell(script: string): string[] {
  return ['sh', join(PEERS_FOLDER, script)];
}

/** A peer that takes a task, an input, an output, a number of threads and a pattern. */
function programPeer(peer: {
  readonly name: string;
  readonly version: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly tasks: readonly PeerTask[];
  readonly taskSuffix?: string;
  /** Default: all workloads with these tasks. */
  readonly only?: readonly WorkloadName[];
}): Contender {
  return {
    name: peer.name,
    version: peer.version,
    command(run: ContenderRun) {
      const { peerTask, peerPattern }: Workload = workload(run.workload);
      if (peerTask === undefined || !peer.tasks.includes(peerTask)) return undefined;
      if (peer.only?.includes(run.workload) === false) return undefined;
      return {
        command: [
          ...peer.command,
          ...[`${peerTask}${peer.taskSuffix ?? ''}`, run.input, run.output, String(run.workers)],
          peerPattern ?? '',
        ],
        env: peer.env ?? {},
      };
    },
  };
}

/** `python` is the interpreter of the environment; the commands of the packages are beside it. */
type Installed =
  | { readonly python: string; readonly problem?: never }
  | { readonly python: undefined; readonly problem: string };

let installed: Promise<Installed> | undefined;

/** Installs the peers that come from PyPI, which are not dependencies of the project. */
function installOnce(): Promise<Installed> {
  installed ??= preparePythonEnvironment({
    name: 'bench-peers',
    requirementsFile: REQUIREMENTS_FILE,
    minors: PYTHON_MINORS,
    cost: 'about 30 s, 290 MB',
    say,
  }).then(
    ({ python }) => ({ python }),
    (error: unknown) => {
      if (!(error instanceof EmulatorUnavailableError)) throw error;
      return { python: undefined, problem: error.message };
    },
  );
  return installed;
}

function pinned(packageName: string): string {
  const line = readFileSync(REQUIREMENTS_FILE, 'utf8')
    .split('\n')
    .find((pin) => pin.startsWith(`${packageName}==`));
  return `${packageName} ${line?.split('==')[1]}`;
}

function isCommand(name: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name], { stdio: 'ignore' }).status === 0;
}

function firstLine(command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return (stdout || stderr || '').split('\n', 1)[0]!.trim();
}
