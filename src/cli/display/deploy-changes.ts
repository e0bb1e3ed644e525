/** Formats the apps that a deployment would deploy, and how they change. */
import {
  type AppChange,
  appChanges,
  deployerText,
  type ParameterChange,
} from '../../aws/client/app-changes.ts';
import type { DeployedStack } from '../../aws/client/deployed-stack.ts';
import type { AppCatalog } from '../../aws/protocol/app-catalog.ts';
import { formatCountOf } from '../../base/quantities.ts';
import { type Paint, printable } from './paint.ts';
import { tableLines } from './table.ts';

/** One line per app. If a stack is already deployed, also one line per app that would be removed. */
export function appLines(
  next: AppCatalog,
  deployed: DeployedStack | undefined,
  { paint }: { paint: Paint },
): string[] {
  const rows =
    deployed === undefined
      ? next.apps.map(({ name, description }) => [printable(name), printable(description)])
      : appChanges(next, deployed).map((app) => [
          printable(app.name),
          printable(app.description),
          changeText(app),
        ]);
  return [
    `${paint('bold', formatCountOf(next.apps.length, 'app'))} of ${deployerText(next.by)}`,
    ...tableLines(rows, ['left', 'left', 'left']).map((line) => `  ${line}`),
  ];
}

function changeText({ change, isDescriptionChanged, parameters }: AppChange): string {
  switch (change) {
    case 'new':
    case 'removed':
      return change;
    case 'none':
    case 'unknown':
      return '';
    case 'changed': {
      const signed = parameters.map((parameter) => printable(`${SIGNS[parameter.change]}${parameter.name}`));
      const changes = [
        ...(isDescriptionChanged ? ['description'] : []),
        ...(signed.length === 0 ? [] : [`parameters ${signed.join(' ')}`]),
      ];
      return `changed: ${changes.join(', ')}`;
    }
  }
}

const SIGNS: Readonly<Record<ParameterChange['change'], string>> = { new: '+', removed: '-', other: '~' };

/** If another module of the same project was deployed last, that is reported, but the deployment continues. */
export function movedText(next: AppCatalog, { catalog }: DeployedStack): string | undefined {
  if (catalog === undefined) return undefined;
  const { project, jobs } = catalog.by;
  if (project === next.by.project && jobs === next.by.jobs) return undefined;
  return `the last deployment was of ${deployerText(catalog.by)}`;
}
