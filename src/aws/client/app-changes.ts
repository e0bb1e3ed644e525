/** What a deployment would change about the apps of the existing stack. */
import type { ParameterSpec } from '../../api/job.ts';
import { MapReduceError } from '../../base/errors.ts';
import type { AppCatalog, DeployedApp, Deployer } from '../protocol/app-catalog.ts';
import type { DeployedStack } from './deployed-stack.ts';

export interface AppChange {
  readonly name: string;
  readonly description: string;
  /** `unknown` if the stack has the app but does not describe it. */
  readonly change: 'new' | 'removed' | 'changed' | 'none' | 'unknown';
  /** The differences of an app that is `changed`. */
  readonly isDescriptionChanged: boolean;
  readonly parameters: readonly ParameterChange[];
}

export interface ParameterChange {
  readonly name: string;
  /** `other`: it takes other values, or has another default or description. */
  readonly change: 'new' | 'removed' | 'other';
}

/** The apps of the deployment in their order, then those that it would remove. */
export function appChanges(next: AppCatalog, deployed: DeployedStack): AppChange[] {
  const before = deployed.catalog?.apps ?? [];
  const removed = removedApps(next, deployed).map((name): AppChange => {
    const description = before.find((app) => app.name === name)?.description ?? '';
    return { name, description, change: 'removed', ...NOTHING_CHANGED };
  });
  return [...next.apps.map((app) => changeOf(app, deployed)), ...removed];
}

const NOTHING_CHANGED = { isDescriptionChanged: false, parameters: [] } as const;

function changeOf(app: DeployedApp, { appNames, catalog }: DeployedStack): AppChange {
  const { name, description } = app;
  const unchanged = { name, description, ...NOTHING_CHANGED };
  if (!appNames.includes(name)) return { ...unchanged, change: 'new' };
  const before = catalog?.apps.find((known) => known.name === name);
  if (before === undefined) return { ...unchanged, change: 'unknown' };
  const isDescriptionChanged = before.description !== description;
  const parameters = parameterChanges(before, app);
  const change = isDescriptionChanged || parameters.length > 0 ? 'changed' : 'none';
  return { name, description, change, isDescriptionChanged, parameters };
}

function parameterChanges(before: DeployedApp, after: DeployedApp): ParameterChange[] {
  const [old, now] = [new Map(Object.entries(before.params)), new Map(Object.entries(after.params))];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name): ParameterChange[] => {
    const [was, is] = [old.get(name), now.get(name)];
    if (was === undefined) return [{ name, change: 'new' }];
    if (is === undefined) return [{ name, change: 'removed' }];
    return canonical(was) === canonical(is) ? [] : [{ name, change: 'other' }];
  });
}

function canonical(spec: ParameterSpec): string {
  return JSON.stringify(Object.entries(spec).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @throws UsageError if the deployment would replace another project's stack or remove apps, and `replace` is not set */
export function assertMayReplace(next: AppCatalog, deployed: DeployedStack, replace: boolean): void {
  if (replace) return;
  const { stackName, catalog } = deployed;
  const removed = removedApps(next, deployed);
  const reasons = [
    ...(catalog !== undefined && catalog.by.project !== next.by.project
      ? [
          `the stack ${stackName} was deployed last by ${deployerText(catalog.by)}, and this is ${deployerText(next.by)}`,
        ]
      : []),
    ...(removed.length === 0
      ? []
      : [`the stack ${stackName} has apps that this deployment would remove: ${removed.join(', ')}`]),
  ];
  if (reasons.length === 0) return;
  const keep = removed.length === 0 ? '' : 'Add them to the jobs module, ';
  throw new MapReduceError(
    'UsageError',
    `${reasons.join('; ')}. ${keep}${keep === '' ? 'Deploy' : 'deploy'} under another name with --stack, or replace what is there with --replace`,
  );
}

function removedApps(next: AppCatalog, { appNames }: DeployedStack): string[] {
  const names = new Set(next.apps.map(({ name }) => name));
  return appNames.filter((name) => !names.has(name));
}

/** The project that deployed a stack, for messages. */
export function deployerText({ project, jobs }: Deployer): string {
  return project === undefined ? `the jobs module ${jobs}` : `the project '${project}' (${jobs})`;
}
