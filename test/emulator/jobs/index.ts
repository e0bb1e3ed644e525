/** The jobs that the tests deploy: all apps, and some that misbehave on request. */
import { apps as ours } from '../../../apps/index.ts';

export const apps = {
  ...ours,
  'by-day': { load: () => import('./by-day.ts') },
  dated: { load: () => import('./dated/before.ts') },
  'faulty-count': { load: () => import('./faulty-count.ts') },
  'troubled-count': { load: () => import('./troubled-count.ts') },
};
