/** The jobs that the tests of the command deploy. */
import { apps as ours } from './index.ts';

export const apps = {
  ...ours,
  'slow-count': { load: () => import('./slow-count.ts') },
};
