/**
 * The apps of a deployment. The module that the construct's `jobs` names exports them as `apps`: under the name of each
 * app either a job, or `{ load }` for a job that is loaded when it is first needed.
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
import { shortened } from '../../src/base/show-value.ts';
import type { JobRegistry } from '../steps/environment.ts';

export interface AppRegistry extends JobRegistry {
  readonly names: readonly string[];
}

const NAMES_SHOWN_MAX = 50;

/**
 * @param module  the user's module; its exports are checked here
 * @throws JobDefinitionError unless it exports at least one app, and names that can be used in keys
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
        `the app '${name}' is not a job. Give it the result of defineJob({ ... }), or { load: () => import('./job.ts') } for a module whose default export is a job`,
      );
    },
  };
}

function appsOf(module: object): Readonly<Record<string, unknown>> {
  const apps: unknown = 'apps' in module ? module.apps : undefined;
  if (isRecord(apps) && Object.keys(apps).length > 0) return apps;
  const exported = Object.keys(module).join(', ') || 'nothing';
  throw definitionError(
    `the jobs module exports no apps (it exports ${exported}). Add: export const apps = { 'my-app': myJob }`,
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isLazy(app: unknown): app is { load: () => Promise<{ default?: unknown } | undefined> } {
  return typeof app === 'object' && app !== null && 'load' in app && typeof app.load === 'function';
}

/** Checks the shape, because a job may have been made by another copy of this package. */
function isJob(value: unknown): value is Job {
  return (
    typeof value === 'object' &&
    value !== null &&
    'inputs' in value &&
    'shuffle' in value &&
    'params' in value
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
    `there is no app '${shortened(name)}' in this deployment.${hint} The apps are ${names.slice(0, NAMES_SHOWN_MAX).join(', ')}${more}. Correct the name, or add the app to the registry and deploy again`,
  );
}
