/** The jobs of index.ts, with other code of one of them. */
import { apps as ours } from './index.ts';

export const apps = {
  ...ours,
  dated: { load: () => import('./dated/after.ts') },
};
