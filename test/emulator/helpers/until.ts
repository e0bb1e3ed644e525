import { setTimeout as sleep } from 'node:timers/promises';

/** The pause after the first look. Each further one is half as long again, because a look takes time of the emulator. */
const FIRST_PAUSE_MS = 25;
const PAUSE_MS_MAX = 400;
/** Longer than any step takes on a busy machine, and shorter than the time limit of a test. */
export const GIVE_UP_MS = 300_000;

/** Calls the function repeatedly until it returns a value. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, PAUSE_MS_MAX)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > giveUpAt) throw new Error(`waited ${GIVE_UP_MS / 1000} s for ${what}`);
    await sleep(pauseMs);
  }
}
