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
import type { Job } from '../../src/api/job.ts';
import { appNameProblem } from '../../src/aws/protocol/app-name.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import { nearestName } from '../../src/base/nearest-name.ts';
import { shortened } from '../../src/base/shortened.ts';
import type { JobRegistry } from '../steps/environment.ts';

export interface AppRegistry extends JobRegistry {
  readonly names: readonly string[];
}

const NAMES_SHOWN_MAX = 50;

/**
 * @param module  of the user: what it exports is checked here
 * @throws JobDefinitionError unless it exports apps
 */
export function registryOf(module: object): AppRegistry {
  const apps = appsOf(module);
  const names = Object.keys(apps);
  for (const name of names) {
    const problem = appNameProblem(name);
    if (problem !== undefined) throw definitionError(`the app name '${shortened(name)}' ${problem}`);
  }
  return {
    names,
    async find(name) {
      if (!Object.hasOwn(apps, name)) throw unknownApp(name, names);
      const app = apps[name];
      const job = isLazy(app) ? (await app.load())?.default : app;
      if (isJob(job)) return job;
      throw definitionError(
        `the app '${name}' is not a job. Give it the result of defineJob({ ... }), or { load: () => import('./job.ts') } of a module whose default export is one`,
      );
    },
  };
}

function appsOf(module: object): Readonly<Record<string, unknown>> {
  const apps: unknown = 'apps' in module ? module.apps : undefined;
  if (typeof apps === 'object' && apps !== null && Object.keys(apps).length > 0) {
    return apps as Record<string, unknown>;
  }
  const exported = Object.keys(module).join(', ') || 'nothing';
  throw definitionError(
    `the jobs module exports no apps (it exports ${exported}). It ends in: export const apps = { 'my-app': myJob }`,
  );
}

function isLazy(app: unknown): app is { load: () => Promise<{ default?: unknown } | undefined> } {
  return typeof app === 'object' && app !== null && 'load' in app && typeof app.load === 'function';
}

/** By its shape: a job may have been made by another copy of this package. */
function isJob(value: unknown): value is Job {
  return (
    typeof value === 'object' && value !== null && 'map' in value && 'shuffle' in value && 'params' in value
  );
}

function definitionError(message: string): MapReduceError {
  return new MapReduceError('JobDefinitionError', message);
}

function unknownApp(name: string, names: readonly string[]): MapReduceError {
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? '' : ` Did you mean '${nearest}'?`;
  const more = names.length > NAMES_SHOWN_MAX ? ` and ${names.length - NAMES_SHOWN_MAX} more` : '';
  return new MapReduceError(
    'UsageError',
    `there is no app '${shortened(name)}' in this deployment.${hint} It has ${names.slice(0, NAMES_SHOWN_MAX).join(', ')}${more}. Correct the name, or add the app to the registry and deploy again`,
  );
}
