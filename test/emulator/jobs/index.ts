/** What the tests deploy: all apps, and one that misbehaves as it is told. */
import { apps as ours } from '../../../apps/index.ts';

export const apps = {
  ...ours,
  'faulty-count': { load: () => import('./faulty-count.ts') },
};
