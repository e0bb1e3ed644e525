/** What a deployment would change about the apps of the stack that is there, said before anything is changed. */
import type { ParameterSpec } from '../../api/job.ts';
import type { AppCatalog, DeployedApp, Deployer } from '../../aws/protocol/app-catalog.ts';
import { MapReduceError } from '../../base/errors.ts';
import { formatCountOf } from '../../base/quantities.ts';
import { type Paint, printable } from './paint.ts';
import { tableLines } from './table.ts';

export interface DeployedStack {
  readonly stackName: string;
  /** By the stack's outputs, which older versions have too. */
  readonly appNames: readonly string[];
  /** Undefined where the stack does not say. */
  readonly catalog: AppCatalog | undefined;
}

/** A line for each app; of a stack that is there, also which are new, changed or removed, and what of them changes. */
export function appLines(
  next: AppCatalog,
  deployed: DeployedStack | undefined,
  { paint }: { paint: Paint },
): string[] {
  const rows = next.apps.map((app) => [
    printable(app.name),
    printable(app.description),
    deployed === undefined ? '' : changeOf(app, deployed),
  ]);
  const removed = removedApps(next, deployed).map((name) => [
    printable(name),
    printable(deployed?.catalog?.apps.find((app) => app.name === name)?.description ?? ''),
    'removed',
  ]);
  const lines = tableLines([...rows, ...removed], ['left', 'left', 'left']);
  return [
    `${paint('bold', formatCountOf(next.apps.length, 'app'))} of ${deployerText(next.by)}`,
    ...lines.map((line) => `  ${line.trimEnd()}`),
  ];
}

/** @throws UsageError where another project's stack, or apps of it, would be replaced */
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

/** Of the same project from another module: worth a line, and no reason to stop. */
export function movedText(next: AppCatalog, { catalog }: DeployedStack): string | undefined {
  if (catalog === undefined) return undefined;
  const { project, jobs } = catalog.by;
  if (project === next.by.project && jobs === next.by.jobs) return undefined;
  return `the last deployment was of ${deployerText(catalog.by)}`;
}

function removedApps(next: AppCatalog, deployed: DeployedStack | undefined): string[] {
  const names = new Set(next.apps.map(({ name }) => name));
  return deployed?.appNames.filter((name) => !names.has(name)) ?? [];
}

function changeOf(app: DeployedApp, { appNames, catalog }: DeployedStack): string {
  if (!appNames.includes(app.name)) return 'new';
  const before = catalog?.apps.find(({ name }) => name === app.name);
  if (before === undefined) return '';
  const changes = [
    ...(before.description === app.description ? [] : ['description']),
    ...parameterChanges(before, app),
  ];
  return changes.length === 0 ? '' : `changed: ${changes.join(', ')}`;
}

/** `+case`, `-least`, `~limit` for parameters that are new, gone, or take other values. */
function parameterChanges(before: DeployedApp, after: DeployedApp): string[] {
  const [old, now] = [new Map(Object.entries(before.params)), new Map(Object.entries(after.params))];
  const signs = [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => {
    const [was, is] = [old.get(name), now.get(name)];
    if (was === undefined) return [`+${name}`];
    if (is === undefined) return [`-${name}`];
    return canonical(was) === canonical(is) ? [] : [`~${name}`];
  });
  return signs.length === 0 ? [] : [`parameters ${signs.map(printable).join(' ')}`];
}

function canonical(spec: ParameterSpec): string {
  return JSON.stringify(Object.entries(spec).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function deployerText({ project, jobs }: Deployer): string {
  return project === undefined ? `the jobs module ${jobs}` : `the project '${project}' (${jobs})`;
}
