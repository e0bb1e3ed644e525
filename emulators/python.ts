/** Finds a Python and makes virtual environments with it. */
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { cacheFolder, exists, shortHash, withFolderLock } from './cache.ts';
import { EmulatorUnavailableError } from './errors.ts';

const run = promisify(execFile);

export interface PythonEnvironment {
  /** The interpreter of the environment. */
  python: string;
  folder: string;
}

export interface PythonEnvironmentOptions {
  /** The name of the emulator, for messages and folder names. */
  name: string;
  requirementsFile: string;
  /** Supported minor versions of Python 3, the preferred one first. */
  minors: readonly number[];
  /** The cost of the first start, printed before the installation: "about 45 s, 520 MB". */
  cost: string;
  say: (line: string) => void;
}

/**
 * Returns the environment for these requirements on this Python, and creates it if it does not exist. The folder is named
 * by a hash of both, so a changed pin creates a new environment. An incomplete environment is created again.
 */
export async function preparePythonEnvironment(
  options: PythonEnvironmentOptions,
): Promise<PythonEnvironment> {
  const lines = (await readFile(options.requirementsFile, 'utf8')).split('\n');
  const requirements = lines.filter((line) => line !== '' && !line.startsWith('#')).join('\n');
  const base = await findPython(options.name, options.minors);
  const hash = shortHash(requirements, base.version, process.platform, process.arch);
  const folder = path.join(cacheFolder(), `${options.name.toLowerCase()}-${hash}`);
  const environment = { folder, python: path.join(folder, 'bin', 'python') };
  const complete = path.join(folder, 'complete');
  if (await exists(complete)) return environment;

  return await withFolderLock(folder, async () => {
    if (await exists(complete)) return environment;
    options.say(
      `Installing ${options.name} with Python ${base.version} (once; ${options.cost}) into ${folder}`,
    );
    await rm(folder, { recursive: true, force: true });
    try {
      await run(base.python, ['-m', 'venv', folder]);
      const pip = [
        '-m',
        'pip',
        'install',
        '--disable-pip-version-check',
        '--quiet',
        '-r',
        options.requirementsFile,
      ];
      await run(environment.python, pip, { maxBuffer: 64 * 1024 * 1024 });
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw installFailed(options.name, base.python, error);
    }
    await writeFile(complete, `${base.version}\n`);
    return environment;
  });
}

interface FoundPython {
  python: string;
  /** For example "3.13.0". */
  version: string;
}

/** Runs every candidate to read its version, because a name on PATH may be a version manager's shim that starts no Python. */
async function findPython(name: string, minors: readonly number[]): Promise<FoundPython> {
  const unfit: string[] = [];
  for (const candidate of await pythonCandidates(minors)) {
    const version = await versionOf(candidate);
    if (version === undefined) continue;
    const [major, minor] = version.split('.').map(Number);
    if (major === 3 && minors.includes(minor!)) return { python: candidate, version };
    if (!unfit.includes(version)) unfit.push(version);
  }
  const wanted = minors.map((minor) => `3.${minor}`).join(' or ');
  const asked = process.env.MAPREDUCE_PYTHON ? ` (MAPREDUCE_PYTHON is ${process.env.MAPREDUCE_PYTHON})` : '';
  const found = unfit.length > 0 ? `found only ${unfit.join(', ')}` : 'found no Python';
  throw new EmulatorUnavailableError(
    `${name} needs Python ${wanted}; ${found}${asked}. Install one in addition to the system's Python: "uv python install 3.13" or ` +
      `"pyenv install 3.13" anywhere, "brew install python@3.13" (macOS), "apt-get install python3 python3-venv" ` +
      `(Debian 13). To use a specific one, set MAPREDUCE_PYTHON=/path/to/python3.13`,
  );
}

async function pythonCandidates(minors: readonly number[]): Promise<string[]> {
  const named = process.env.MAPREDUCE_PYTHON;
  if (named) return [named];
  const pyenv = path.join(process.env.PYENV_ROOT || path.join(os.homedir(), '.pyenv'), 'versions');
  const pyenvVersions = await readdir(pyenv).catch(() => []);
  const candidates: string[] = [];
  for (const minor of minors) {
    candidates.push(`python3.${minor}`);
    for (const version of pyenvVersions.filter((folder) => folder.startsWith(`3.${minor}.`))) {
      candidates.push(path.join(pyenv, version, 'bin', 'python3'));
    }
    const fromUv = await run('uv', ['python', 'find', '--no-project', `3.${minor}`]).catch(() => undefined);
    if (fromUv) candidates.push(fromUv.stdout.trim());
  }
  return [...candidates, 'python3', 'python'];
}

async function versionOf(python: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(python, ['-c', 'import platform; print(platform.python_version())']);
    return stdout.trim();
  } catch {
    return undefined;
  }
}

function installFailed(name: string, python: string, cause: unknown): EmulatorUnavailableError {
  const { stderr, stdout, message } = cause as { stderr?: string; stdout?: string; message: string };
  const said = (stderr?.trim() || stdout?.trim() || message).split('\n').slice(-15).join('\n');
  return new EmulatorUnavailableError(
    `${name} could not be installed with ${python}. It needs the venv module (Debian: "apt-get install ` +
      `python3-venv") and access to PyPI. The output was:\n${said}`,
    { cause },
  );
}
