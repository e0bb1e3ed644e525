import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;
/** Longer than anything takes on a busy machine, shorter than a test may take. */
export const GIVE_UP_MS = 300_000;

/** Asks again and again until there is an answer. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > giveUpAt) throw new Error(`waited ${GIVE_UP_MS / 1000} s in vain: ${what}`);
    await sleep(POLL_MS);
  }
}
