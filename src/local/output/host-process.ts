/**
 * Finds out whether a process that wrote its identity to a file has ended. PIDs are reused, and other machines and
 * containers have their own PIDs. So this works only for a process of the same boot and the same PID namespace.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from '../../base/field-of.ts';

export interface HostProcess {
  /** Used in messages only, because two machines may have the same name. */
  readonly host: string;
  readonly pid: number;
  /** The boot id of the kernel, which changes with each boot. Undefined on systems without /proc. */
  readonly boot?: string | undefined;
  readonly pidNamespace?: string | undefined;
  /** Clock ticks from the boot to the start of the process. */
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

/** @returns 'unknown' if this process cannot see the other one */
export function stateOf(holder: HostProcess): 'alive' | 'ended' | 'unknown' {
  const own = thisProcess();
  if (own.boot === undefined || own.pidNamespace === undefined) return 'unknown';
  if (holder.boot !== own.boot || holder.pidNamespace !== own.pidNamespace) return 'unknown';
  if (!isThere(holder.pid)) return 'ended';
  const startTicks = startTicksOf(holder.pid);
  if (startTicks === 'ended') return 'ended';
  // Some systems hide the start time from other users.
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
    // Skip the first two fields: the second, the name of the command, may contain spaces and parentheses.
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
