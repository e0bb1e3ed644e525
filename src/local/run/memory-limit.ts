/**
 * How much memory this process may use: what the machine has and what its control groups leave of it. A limit of any
 * ancestor holds too, so all of them are read.
 *
 *     v2   /proc/self/cgroup  0::/a/b           /sys/fs/cgroup/a/b/memory.max, /sys/fs/cgroup/a/memory.max, ...
 *     v1   /proc/self/cgroup  4:memory:/a/b     /sys/fs/cgroup/memory/a/b/memory.limit_in_bytes, ...
 *
 * In a container the path may be the host's while only its own group is mounted: then that of the root is read.
 * Source: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
 */
import { readFileSync } from 'node:fs';
import { freemem, platform, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

export interface MemoryLimit {
  readonly bytes: number;
  readonly source: 'the container or control group' | 'the machine' | 'what the machine has available';
}

export interface Machine {
  /** Where /proc and /sys are. */
  readonly root: string;
  readonly totalBytes: number;
  /** Undefined where the system counts as used what it would give back. */
  readonly availableBytes: number | undefined;
}

export function thisMachine(): Machine {
  return {
    root: '/',
    totalBytes: totalmem(),
    availableBytes: platform() === 'linux' ? freemem() : undefined,
  };
}

/** Takes well under a millisecond. */
export function memoryLimit({ root, totalBytes, availableBytes }: Machine): MemoryLimit {
  let limit: MemoryLimit = { bytes: totalBytes, source: 'the machine' };
  if (availableBytes !== undefined && availableBytes < limit.bytes) {
    limit = { bytes: availableBytes, source: 'what the machine has available' };
  }
  for (const bytes of groupLimits(root)) {
    if (bytes < limit.bytes) limit = { bytes, source: 'the container or control group' };
  }
  return limit;
}

function groupLimits(root: string): number[] {
  const groups = (read(join(root, 'proc/self/cgroup')) ?? '').split('\n').map((line) => line.split(':'));
  return groups.flatMap(([hierarchy, controllers = '', ...path]) => {
    const group = path.join(':');
    if (hierarchy === '0') {
      return ['sys/fs/cgroup', 'sys/fs/cgroup/unified'].flatMap((mount) =>
        limitsUpFrom(join(root, mount), group, 'memory.max'),
      );
    }
    if (!controllers.split(',').includes('memory')) return [];
    return limitsUpFrom(join(root, 'sys/fs/cgroup/memory'), group, 'memory.limit_in_bytes');
  });
}

function limitsUpFrom(mount: string, group: string, fileName: string): number[] {
  const limits: number[] = [];
  for (let path = join('/', group); ; path = dirname(path)) {
    // 'max' is no number, and without a limit v1 has one that no machine reaches.
    const bytes = Number.parseInt(read(join(mount, path, fileName)) ?? '', 10);
    if (bytes > 0) limits.push(bytes);
    if (path === '/') return limits;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
