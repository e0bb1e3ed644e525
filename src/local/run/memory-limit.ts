/**
 * Finds how much memory this process may use. The memory of the machine and the control groups limit it. The limits of all
 * ancestor groups apply too, so all of them are read.
 *
 *     v2   /proc/self/cgroup  0::/a/b           /sys/fs/cgroup/a/b/memory.max, /sys/fs/cgroup/a/memory.max, ...
 *     v1   /proc/self/cgroup  4:memory:/a/b     /sys/fs/cgroup/memory/a/b/memory.limit_in_bytes, ...
 *
 * In a container, the path may be that of the host although only the container's own group is mounted. The limit of the
 * mounted root then applies.
 * Source: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
 */
import { readFileSync } from 'node:fs';
import { freemem, platform, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

export interface MemoryLimit {
  readonly bytes: number;
  readonly source: 'the container or control group' | 'the machine' | 'available memory';
}

export interface Machine {
  /** The folder that contains proc/ and sys/. */
  readonly root: string;
  readonly totalBytes: number;
  /** Undefined on systems that count memory as used although they would free it on demand. */
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
    limit = { bytes: availableBytes, source: 'available memory' };
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
    // 'max' is not a number. Without a limit, v1 shows a number that no machine reaches.
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
