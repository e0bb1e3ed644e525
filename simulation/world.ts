/** What all services of one simulation share. */
import { seededRandom } from './seeded-random.ts';
import type { World } from './services.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface VirtualWorld extends World {
  readonly clock: VirtualClock;
}

/** When each simulation begins. */
const BEGIN_MS = Date.UTC(2026, 0, 1);

export function virtualWorld(seed: number): VirtualWorld {
  const clock = new VirtualClock();
  return { clock, random: seededRandom(seed), now: () => new Date(BEGIN_MS + clock.nowMs()) };
}
