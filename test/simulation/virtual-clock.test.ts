/** The virtual clock waits for work in other threads, so that a run does not depend on how long it takes. */
import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGunzip, gunzip, gzip, gzipSync, zstdCompress } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { hasRealWork } from '../../simulation/real-work.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';

const BYTES = Buffer.alloc(4_000_000, 'some text');

async function timeAfter(work: () => Promise<unknown>): Promise<number> {
  const clock = new VirtualClock();
  clock.after(1, () => {});
  // Something else happens all the time.
  const tick = () => clock.after(1, tick);
  tick();
  await clock.run(work());
  return clock.nowMs();
}

describe('real work takes no time on a virtual clock', () => {
  it.each([
    ['compression by gzip', () => promisify(gzip)(BYTES)],
    ['compression by zstd', () => promisify(zstdCompress)(BYTES)],
    [
      'calls of the file system',
      async () => {
        const folder = await mkdtemp(join(tmpdir(), 'clock-'));
        for (let i = 0; i < 20; i++) await mkdir(join(folder, String(i)));
        await readdir(folder);
        await rm(folder, { recursive: true });
      },
    ],
    [
      'closing files',
      async () => {
        for (let i = 0; i < 20; i++) {
          const file = await open(import.meta.filename);
          await file.close();
        }
      },
    ],
    [
      'decompression that fails',
      async () => {
        const damaged = gzipSync(BYTES).fill(255, 100, 2_000);
        await expect(promisify(gunzip)(damaged)).rejects.toThrow();
      },
    ],
    [
      'a stream that is destroyed while it works',
      async () => {
        const stream = createGunzip();
        stream.write(gzipSync(BYTES));
        stream.destroy();
      },
    ],
  ])('%s', async (_, work) => {
    expect(await timeAfter(work)).toBe(0);
    expect(hasRealWork()).toBe(false);
  });
});
