/**
 * Runs an emulator for the process that started it. The supervisor runs the emulator in a new process group. When its stdin
 * closes or it receives a signal, it ends the whole group (SIGTERM, then SIGKILL) and removes the state folder. Its stdin
 * also closes if the process that started it is killed, so no process or file stays behind.
 *
 * emulator.ts runs it as `node supervisor.ts <orders as JSON>`, in the emulator's environment.
 */
import { spawn, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

export interface SupervisorOrders {
  command: string;
  args: string[];
  stateFolder: string;
  afterwards?: { command: string; args: string[] };
}

const TERM_GRACE_MS = 8_000;

if (import.meta.main) supervise(JSON.parse(process.argv[2]!) as SupervisorOrders);

function supervise({ command, args, stateFolder, afterwards }: SupervisorOrders): void {
  const emulator = spawn(command, args, {
    cwd: stateFolder,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  let ending = false;

  const end = () => {
    if (ending) return;
    ending = true;
    signalGroup('SIGTERM');
    setTimeout(() => signalGroup('SIGKILL'), TERM_GRACE_MS).unref();
  };
  const signalGroup = (signal: NodeJS.Signals) => {
    try {
      if (emulator.pid !== undefined) process.kill(-emulator.pid, signal);
    } catch {
      // The group has already ended.
    }
  };

  process.stdin.resume();
  process.stdin.on('end', end);
  process.stdin.on('error', end);
  process.stdin.on('close', end);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
  emulator.on('error', (error) => {
    console.error(`${command} could not be run: ${error.message}`);
    finish(1);
  });
  emulator.on('exit', (code) => finish(code ?? 1));

  const finish = (code: number) => {
    // Ends functions whose emulator died before it could stop them.
    signalGroup('SIGKILL');
    if (afterwards) spawnSync(afterwards.command, afterwards.args, { stdio: 'ignore', timeout: 20_000 });
    rmSync(stateFolder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    process.exit(ending ? 0 : code);
  };
}
