/** Lets jobs wait as user code does: without yielding the thread. */
import { existsSync } from 'node:fs';

/** Longer than a test waits for anything. */
const WAIT_MS_MAX = 400_000;

/** Waits until one of the files exists. */
export function waitForFile(...paths: string[]): void {
  const giveUpAt = Date.now() + WAIT_MS_MAX;
  while (!paths.some((path) => existsSync(path))) {
    if (Date.now() > giveUpAt) throw new Error(`there is still no ${paths.join(' or ')}`);
    pause(10);
  }
}

export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
