/** Runs the command as users do: as its own process, which takes arguments and returns text and an exit code. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderOfTest } from '../helpers/temporary-folder.ts';

export const BIN = fileURLToPath(new URL('../../bin/mapreduce.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

export type Started = ChildProcess & { readonly ended: Promise<Ended> };

/** An environment without the colours and the Node options of the process that runs the tests. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _force, NO_COLOR: _no, NODE_OPTIONS: _options, ...rest } = process.env;
  return { ...rest, ...more };
}

export function startCli(args: readonly string[], { cwd, env }: CliOptions): Started {
  return watched(
    spawn(process.execPath, [BIN, ...args], {
      cwd,
      env: cleanEnvironment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

export function cli(args: readonly string[], options: CliOptions): Promise<Ended> {
  return startCli(args, options).ended;
}

/** Starts a line in a shell, in which "$node" "$mapreduce" is the command. */
export function startShell(
  line: string,
  { cwd, env, stdin = 'ignore' }: CliOptions & { readonly stdin?: 'ignore' | 'pipe' },
): Started {
  return watched(
    spawn('bash', ['-c', `set -o pipefail; ${line}`], {
      cwd,
      env: cleanEnvironment({ ...env, node: process.execPath, mapreduce: BIN }),
      stdio: [stdin, 'pipe', 'pipe'],
    }),
  );
}

export function shell(line: string, options: CliOptions): Promise<Ended> {
  return startShell(line, options).ended;
}

/** Resolves once the process has printed matching text to stdout or stderr. */
export function hasPrinted(child: ChildProcess, text: RegExp): Promise<void> {
  let printed = '';
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
        if (text.test(printed)) resolve();
      });
    }
    child.on('close', () => reject(new Error(`ended without printing ${text}: ${printed}`)));
  });
}

/** Creates a folder with files in it, which is removed after the test. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = folderOfTest('cli-test');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** Lists everything below a folder, including hidden files. */
export function allBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

function watched(child: ChildProcess): Started {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return Object.assign(child, { ended });
}
