import { describe, expect, test } from 'vitest';
import { appChanges, assertMayReplace } from '../../../src/aws/client/app-changes.ts';
import type { DeployedStack } from '../../../src/aws/client/deployed-stack.ts';
import type { AppCatalog } from '../../../src/aws/protocol/app-catalog.ts';
import { deployedApp as app, PARAMS } from '../../helpers/deployed-apps.ts';

const APPS = [app('same', { params: PARAMS }), app('other')];

describe('the changes of a deployment', () => {
  const next = { by: { jobs: 'jobs' }, apps: [...APPS, app('added')] };
  const none = { isDescriptionChanged: false, parameters: [] };

  test('list the apps and parameters that are new, changed or removed', () => {
    const before = [
      app('same', { params: { ...PARAMS, least: { ...PARAMS.least, default: 2 }, most: PARAMS.least } }),
      app('other', { description: 'Did other' }),
      app('gone'),
    ];
    const deployed = {
      stackName: 'M',
      appNames: before.map(({ name }) => name),
      catalog: { by: { jobs: 'jobs' }, apps: before },
    };

    expect(appChanges(next, deployed)).toEqual([
      {
        ...{ name: 'same', description: 'Does same', change: 'changed', isDescriptionChanged: false },
        parameters: [
          { name: 'least', change: 'other' },
          { name: 'most', change: 'removed' },
        ],
      },
      { ...none, name: 'other', description: 'Does other', change: 'changed', isDescriptionChanged: true },
      { ...none, name: 'added', description: 'Does added', change: 'new' },
      { ...none, name: 'gone', description: 'Does gone', change: 'removed' },
    ]);
  });

  test('are unknown for apps of a stack that does not describe them', () => {
    const deployed = { stackName: 'M', appNames: ['same', 'gone'], catalog: undefined };

    expect(appChanges(next, deployed).map(({ name, change }) => [name, change])).toEqual([
      ['same', 'unknown'],
      ['other', 'new'],
      ['added', 'new'],
      ['gone', 'removed'],
    ]);
  });
});

describe('--replace', () => {
  const by = (project: string | undefined, jobs = 'jobs') =>
    project === undefined ? { jobs } : { project, jobs };
  const stackOf = (deployer: AppCatalog['by'] | undefined, apps = APPS): DeployedStack => ({
    stackName: 'M',
    appNames: apps.map(({ name }) => name),
    catalog: deployer && { by: deployer, apps },
  });
  const next = { by: by('mine'), apps: APPS };

  test.each([
    [
      'a stack of another project, even if no app is removed',
      stackOf(by('theirs')),
      /by the project 'theirs' \(jobs\).*\. Deploy under/,
    ],
    [
      'a stack of a module without a project',
      stackOf(by(undefined)),
      /by the jobs module jobs, and this is the project 'mine'/,
    ],
    [
      'a stack with an app that would be removed',
      stackOf(by('mine'), [...APPS, app('gone')]),
      /would remove: gone\. Add them/,
    ],
    [
      'a stack of an earlier version with such an app',
      stackOf(undefined, [app('gone')]),
      /would remove: gone/,
    ],
  ])('is required to replace %s', (_, deployed, message) => {
    expect(() => assertMayReplace(next, deployed, false)).toThrow(message);
    expect(() => assertMayReplace(next, deployed, true)).not.toThrow();
  });

  test.each([
    ['the same project', stackOf(by('mine'))],
    ['another module of the same project', stackOf(by('mine', 'old'))],
    ['an earlier version, with the same apps', stackOf(undefined)],
  ])('is not required to replace a stack of %s', (_, deployed) => {
    expect(() => assertMayReplace(next, deployed, false)).not.toThrow();
  });
});
