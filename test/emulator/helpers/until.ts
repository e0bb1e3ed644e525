import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;
/** Longer than any step takes on a busy machine, and shorter than the time limit of a test. */
export const GIVE_UP_MS = 300_000;

/** Calls the function repeatedly until it returns a value. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > giveUpAt) throw new Error(`waited ${GIVE_UP_MS / 1000} s for ${what}`);
    await sleep(POLL_MS);
  }
}
