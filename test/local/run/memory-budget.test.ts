import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GiB, LIMITS, MiB } from '../../../src/base/limits.ts';
import { checkOptions } from '../../../src/local/run/check-options.ts';
import { chooseMemory, type MemoryWish } from '../../../src/local/run/memory-budget.ts';
import { type Machine, memoryLimit } from '../../../src/local/run/memory-limit.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';

/** A machine with 64 GiB and these files below /proc and /sys. */
function machineWith(files: Readonly<Record<string, string>>, more: Partial<Machine> = {}): Machine {
  const root = folderOfTest('memory-test');
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return { root, totalBytes: 64 * GiB, availableBytes: 60 * GiB, ...more };
}

describe('the memory that a process may use', () => {
  test.each<[what: string, files: Record<string, string>, bytes: number]>([
    [
      'a container with control groups of version 2',
      { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/memory.max': '536870912\n' },
      512 * MiB,
    ],
    [
      'a limit of an ancestor, of version 2',
      {
        'proc/self/cgroup': '0::/user.slice/app.service/job\n',
        'sys/fs/cgroup/user.slice/app.service/job/memory.max': 'max\n',
        'sys/fs/cgroup/user.slice/app.service/memory.max': `${3 * GiB}\n`,
        'sys/fs/cgroup/user.slice/memory.max': `${2 * GiB}\n`,
      },
      2 * GiB,
    ],
    [
      'a container with control groups of version 1, where the path is the host’s',
      {
        'proc/self/cgroup': '9:name=systemd:/x\n4:cpu,memory:/docker/0123\n',
        'sys/fs/cgroup/memory/memory.limit_in_bytes': '1073741824\n',
      },
      1 * GiB,
    ],
    [
      'a limit of an ancestor, version 1, with version 2 for other controllers',
      {
        'proc/self/cgroup': '4:memory:/a/b\n0::/\n',
        'sys/fs/cgroup/memory/a/b/memory.limit_in_bytes': '9223372036854771712\n',
        'sys/fs/cgroup/memory/a/memory.limit_in_bytes': `${5 * GiB}\n`,
      },
      5 * GiB,
    ],
  ])('%s', (_, files, bytes) => {
    expect(memoryLimit(machineWith(files))).toEqual({ bytes, source: 'the container or control group' });
  });

  test('without a limit, is the available memory of the machine', () => {
    const files = { 'proc/self/cgroup': '0::/a\n', 'sys/fs/cgroup/a/memory.max': 'max\n' };

    expect(memoryLimit(machineWith(files)).bytes).toBe(60 * GiB);
    expect(memoryLimit(machineWith(files, { availableBytes: undefined })).bytes).toBe(64 * GiB);
    expect(memoryLimit(machineWith({})).bytes).toBe(60 * GiB);
  });
});

describe('the memory of a worker', () => {
  const choose = (bytes: number, wish: Partial<MemoryWish> = {}) =>
    chooseMemory(
      { workers: undefined, memoryBytes: undefined, workersDefault: 2, ...wish },
      { bytes, source: 'the container or control group' },
    );

  test('is the default if there is enough, without a notice', () => {
    expect(choose(4 * GiB)).toMatchObject({ workers: 2, memoryBytes: 512 * MiB, notices: [] });
  });

  test('is less in a small container, with a notice', () => {
    expect(choose(512 * MiB)).toEqual({
      workers: 2,
      memoryBytes: 86 * MiB,
      heapBoundBytes: 96 * MiB,
      notices: [
        'memory: 2 workers with 86MiB each, because the container or control group allows 512MiB in total. To change this, use --workers and --memory',
      ],
    });
  });

  test('fits the container, with fewer workers if necessary', () => {
    for (let mebibytes = 256; mebibytes < 20_000; mebibytes += 61) {
      for (const workersDefault of [1, 2, 16, 96]) {
        const { workers, memoryBytes } = choose(mebibytes * MiB, { workersDefault });
        const neededBytes = LIMITS.processMemoryBytes + workers * (memoryBytes + LIMITS.workerRuntimeBytes);

        expect(neededBytes).toBeLessThanOrEqual(mebibytes * MiB * 0.9);
        expect(workers).toBeGreaterThanOrEqual(1);
        expect(memoryBytes).toBeGreaterThanOrEqual(LIMITS.memoryBytesMin);
        expect(memoryBytes).toBeLessThanOrEqual(LIMITS.memoryBytesDefault);
      }
    }
  });

  test('is the requested one, with a warning if it does not fit', () => {
    expect(choose(1 * GiB, { workers: 4, memoryBytes: 1 * GiB })).toMatchObject({
      workers: 4,
      memoryBytes: 1 * GiB,
      notices: [
        '4 workers with 1024MiB each may need 5084MiB, but the container or control group allows 1024MiB in total: the system may kill the job. Lower --memory to 110MiB, or --workers',
      ],
    });
    expect(choose(300 * MiB, { workers: 8 }).notices).toEqual([
      expect.stringMatching(
        /^8 workers with 32MiB each may need \d+MiB, .*: the system may kill the job\. Lower --workers$/,
      ),
    ]);
    expect(choose(4 * GiB, { workers: 2, memoryBytes: 1 * GiB }).notices).toEqual([]);
  });

  test('of a run depends on the limits of its container', () => {
    const machine = machineWith({ 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/memory.max': '536870912\n' });
    const options = { jobModule: new URL('file:///job.ts'), inputs: ['in.txt'], output: 'out', workers: 2 };

    expect(checkOptions(options, machine)).toMatchObject({ workers: 2, memoryBytes: 86 * MiB });
    expect(checkOptions({ ...options, memoryBytes: 64 * MiB }, machine)).toMatchObject({
      memoryBytes: 64 * MiB,
      notices: [],
    });
  });
});
