/**
 * Whether a process that left its identity in a file has ended. PIDs are reused, and other machines and containers have
 * their own: only a process of the same boot of the same kernel and of the same PID namespace can be looked at.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from '../../storage/file/file-errors.ts';

export interface HostProcess {
  /** For messages: two machines may have one name. */
  readonly host: string;
  readonly pid: number;
  /** Of the running kernel, new with each boot. Undefined where there is no /proc. */
  readonly boot?: string | undefined;
  readonly pidNamespace?: string | undefined;
  /** Ticks from the boot to the start of the process. */
  readonly startTicks?: string | undefined;
}

export function thisProcess(): HostProcess {
  return {
    host: hostname(),
    pid: process.pid,
    boot: readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: readOr(() => readlinkSync('/proc/self/ns/pid')),
    startTicks: startTicksOf(process.pid),
  };
}

/** 'unknown' of a process that cannot be looked at from here. */
export function stateOf(holder: HostProcess): 'alive' | 'ended' | 'unknown' {
  const own = thisProcess();
  if (own.boot === undefined || own.pidNamespace === undefined) return 'unknown';
  if (holder.boot !== own.boot || holder.pidNamespace !== own.pidNamespace) return 'unknown';
  if (!isThere(holder.pid)) return 'ended';
  const startTicks = startTicksOf(holder.pid);
  if (startTicks === 'ended') return 'ended';
  // Hidden from other users on some systems.
  if (startTicks === undefined || holder.startTicks === undefined) return 'alive';
  return startTicks === holder.startTicks ? 'alive' : 'ended';
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

function startTicksOf(pid: number): string | undefined {
  return readOr(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // From the third field on: the second, the command's name, may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[22 - 3]!;
  });
}

function readOr(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
