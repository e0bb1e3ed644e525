import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { measure, parseMoved, parseTimes, RunFailed } from '../../bench/measure.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';

describe('measure', () => {
  test('includes the time, CPU time and memory of grandchildren', async () => {
    const folder = folderOfTest('measure-test');
    const [holds, go] = [join(folder, 'holds'), join(folder, 'go')];
    const hold = `
      const { existsSync, writeFileSync } = require('node:fs');
      const held = Buffer.alloc(200 << 20, 1);
      writeFileSync(${JSON.stringify(holds)}, '');
      while (process.cpuUsage().user < 150_000 || !existsSync(${JSON.stringify(go)}));`;

    const measured = measure({ command: ['sh', '-c', '"$0" -e "$1" & wait $!', process.execPath, hold] });
    while (!existsSync(holds)) await sleep(10);
    // Timers fire in order, so measure() has sampled at least once by then.
    await sleep(400);
    writeFileSync(go, '');
    const result = await measured;

    expect(result.wallMs).toBeGreaterThanOrEqual(400);
    expect(result.cpuUserMs + result.cpuSystemMs).toBeGreaterThan(100);
    expect(result.peakBytes).toBeGreaterThan(200 << 20);
    expect(result.peakBytes).toBeLessThan(600 << 20);
  });

  test('reports a command that fails, with its error output', async () => {
    const failed = measure({ command: ['sh', '-c', 'echo the reason >&2; exit 3'] });

    await expect(failed).rejects.toThrow(RunFailed);
    await expect(failed).rejects.toThrow(/exit code 3:\nthe reason/);
  });

  test.runIf(process.platform === 'linux')('counts what grandchildren read and write', async () => {
    const copy = 'head -c 3000000 /dev/zero > /dev/null; exit 0';

    const { movedBytes } = await measure({ command: ['sh', '-c', 'sh -c "$0"', copy] });

    // Programs read their libraries too.
    expect(movedBytes).toBeGreaterThanOrEqual(6_000_000);
    expect(movedBytes).toBeLessThan(7_000_000);
  });

  test.each([
    ['rchar: 12\nwchar: 30\nsyscr: 4\n', 42],
    ['0m0.00s 0m0.00s\n', undefined],
  ])('adds up the bytes of %j', (text, expected) => {
    expect(parseMoved(text)).toBe(expected);
  });

  test.each([
    ['0m0.00s 0m0.00s\n1m2.34s 0m0.5s\n', [62_340, 500]],
    ['0m0.000s 0m0.000s\n0m0,012s 0m0,003s\n', [12, 3]],
  ])('reads the CPU times of a shell: %j', (text, expected) => {
    expect(parseTimes(text)).toEqual(expected);
  });
});
