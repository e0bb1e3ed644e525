/**
 * The apps of a deployment, from the module that the construct's `jobs` names: its export `apps`, by app name either a
 * job, or `{ load }` for one that is loaded when it is first asked for.
 *
 * @example
 * import accessLog from './access-log/job.ts';
 *
 * export const apps = {
 *   'access-log': accessLog,
 *   'word-count': { load: () => import('./word-count/job.ts') },
 * };
 */
import { MapReduceError } from '../../src/errors.ts';
import type { Job } from '../../src/job.ts';
import { nearestName } from '../../src/nearest-name.ts';
import type { JobRegistry } from '../steps/environment.ts';

type RegisteredApp = Job | { readonly load: () => Promise<{ readonly default: Job }> };

export function registryOf({
  apps,
}: {
  readonly apps: Readonly<Record<string, RegisteredApp>>;
}): JobRegistry {
  const names = Object.keys(apps);
  return {
    async find(name) {
      if (!Object.hasOwn(apps, name)) throw unknownApp(name, names);
      const app = apps[name];
      return 'load' in app ? (await app.load()).default : app;
    },
  };
}

function unknownApp(name: string, names: readonly string[]): MapReduceError {
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? '' : ` Did you mean '${nearest}'?`;
  return new MapReduceError(
    'UsageError',
    `there is no app '${name}' in this deployment.${hint} It has ${names.join(', ') || 'none'}. Correct the name, or add the app to the registry and deploy again`,
  );
}
