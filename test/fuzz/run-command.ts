/** Runs the command as a process with a time limit. A process that hangs is a problem to report. */
import { type ChildProcess, spawn } from 'node:child_process';
import { BIN } from '../cli/cli-process.ts';

const HANG_MS = 120_000;

export interface CommandEnd {
  /** Null if a signal ended the process. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Place {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

export async function runCommand(args: readonly string[], place: Place): Promise<CommandEnd> {
  return await startCommand(args, place).ended;
}

export function startCommand(
  args: readonly string[],
  { folder, env }: Place,
): { child: ChildProcess; ended: Promise<CommandEnd> } {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  }
  const ended = new Promise<CommandEnd>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new Error(`still running after ${HANG_MS / 1000} s: mapreduce ${args.join(' ')}\n${said.stderr}`),
      );
    }, HANG_MS);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...said });
    });
  });
  return { child, ended };
}
