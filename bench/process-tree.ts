/** Measures the memory of a process and all its descendants from outside. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface TreeMemory {
  /** The sum of the resident sets. Pages that processes share are counted for each of them. */
  readonly residentBytes: number;
  /** The anonymous part: memory that the processes allocated, without mapped files. Undefined if only `ps` is available. */
  readonly anonymousBytes: number | undefined;
  /** The highest peak that the kernel recorded for one process, which sampling could miss. Undefined if only `ps` is available. */
  readonly processPeakBytes: number | undefined;
}

/**
 * Returns the descendants of `pid`, without `pid` itself. Reads /proc on Linux (0.1 ms), otherwise runs `ps`. It uses
 * resident sets and not PSS, because reading smaps_rollup holds the lock that the measured process needs for its page faults.
 */
export function memoryOfDescendants(pid: number): TreeMemory {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

function fromProc(pid: number): TreeMemory {
  let residentBytes = 0;
  let anonymousBytes = 0;
  let processPeakBytes = 0;
  const pending = childrenOf(pid);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    pending.push(...childrenOf(next));
    const status = readOrEmpty(`/proc/${next}/status`);
    residentBytes += kibibytes(status, 'VmRSS');
    anonymousBytes += kibibytes(status, 'RssAnon');
    processPeakBytes = Math.max(processPeakBytes, kibibytes(status, 'VmHWM'));
  }
  return { residentBytes, anonymousBytes, processPeakBytes };
}

/** The kernel lists children under the thread that started them. */
function childrenOf(pid: number): number[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it has ended
  }
  return threads.flatMap((thread) =>
    readOrEmpty(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
}

/** Returns an empty text if the process has ended. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function kibibytes(status: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status);
  return match === null ? 0 : Number(match[1]) * 1024;
}

function fromPs(pid: number): TreeMemory {
  const { stdout } = spawnSync('ps', ['-axo', 'pid=,ppid=,rss='], { encoding: 'latin1' });
  const rows = (stdout ?? '').split('\n').map((row) => row.trim().split(/\s+/).map(Number));
  let residentBytes = 0;
  const pending = [pid];
  for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
    for (const [child, parentOfChild, residentKibibytes] of rows) {
      if (child === undefined || residentKibibytes === undefined || parentOfChild !== parent) continue;
      pending.push(child);
      residentBytes += residentKibibytes * 1024;
    }
  }
  return { residentBytes, anonymousBytes: undefined, processPeakBytes: undefined };
}
