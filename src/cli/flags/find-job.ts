/** The module that `<job>` on the command line means: an app by its name, or a file by its path. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MapReduceError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { appModule, appNames } from './apps.ts';

/** @throws UsageError for a name that no app has. loadJob checks whether a path leads to a job. */
export function findJob(job: string): URL {
  if (looksLikePath(job)) return pathToFileURL(resolve(job));
  const app = appModule(job);
  if (app !== undefined) return app;
  const names = appNames();
  const nearest = nearestName(job, names);
  const hint = nearest === undefined ? '' : ` Did you mean '${nearest}'?`;
  throw new MapReduceError(
    'UsageError',
    `there is no app '${job}'.${hint} The apps are ${names.join(', ')}. For a job of your own, give the path of its module, for example ./${job || 'job'}.ts`,
  );
}

function looksLikePath(job: string): boolean {
  return /[/\\]/.test(job) || /\.[cm]?[jt]s$/.test(job);
}
