/** Builds the Rust program of peers/limit, once for its sources and its compiler. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, shortHash, withFolderLock } from '../emulators/cache.ts';

const SOURCE_FOLDER = fileURLToPath(new URL('./peers/limit', import.meta.url));
const LINES_MAX = 5;
/** For this machine's processor, as the limit should be. */
const FLAGS = '-C target-cpu=native';

/** `program` is the path of the program; without it, `problem` is the reason. */
export type Built =
  | { readonly program: string; readonly version: string; readonly problem?: never }
  | { readonly program: undefined; readonly problem: string };

export async function buildLimit(note: (text: string) => void): Promise<Built> {
  const cargo = ['cargo', join(homedir(), '.cargo', 'bin', 'cargo')].find(
    (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0,
  );
  if (cargo === undefined) {
    return {
      program: undefined,
      problem: 'no cargo on the PATH or in ~/.cargo/bin; install Rust to build it',
    };
  }
  const version = spawnSync(cargo, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const sources = [
    'Cargo.toml',
    'Cargo.lock',
    ...readdirSync(join(SOURCE_FOLDER, 'src')).map((name) => `src/${name}`),
  ];
  const texts = sources.sort().map((name) => readFileSync(join(SOURCE_FOLDER, name), 'utf8'));
  const folder = join(cacheFolder(), `bench-limit-${shortHash(version, FLAGS, ...texts)}`);
  const program = join(folder, 'release', 'limit');
  return withFolderLock(folder, async () => {
    if (existsSync(program)) return { program, version };
    note('building bench/peers/limit with cargo (once; about 10 s)');
    mkdirSync(folder, { recursive: true });
    const build = spawnSync(cargo, ['build', '--release', '--locked', '--quiet', '--target-dir', folder], {
      cwd: SOURCE_FOLDER,
      env: { ...process.env, RUSTFLAGS: FLAGS },
      encoding: 'utf8',
    });
    if (build.status === 0) return { program, version };
    rmSync(folder, { recursive: true, force: true });
    const said = build.error?.message ?? build.stderr.trim().split('\n').slice(0, LINES_MAX).join('\n');
    return { program: undefined, problem: `cargo build in bench/peers/limit failed: ${said}` };
  });
}
