import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type UserProject, userProject } from '../package/published.ts';
import { whileBootstrapping } from './helpers/bootstrap-lock.ts';
import { selected } from './selection.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

describeOnEmulators('The published package', (emulator) => {
  let user: UserProject;
  const stack = uniqueName('Package');
  const mapreduce = (...args: string[]) =>
    user.run('mapreduce', args, { ...emulator.environment, MAPREDUCE_STACK: stack });

  beforeAll(async () => {
    user = await userProject();
    await user.installPeers();
    return user.remove;
  });

  test.runIf(selected(emulator, 'published package'))(
    'deploys the jobs of a project and runs one, without a checkout',
    async () => {
      const settings = ['--context', 'maxConcurrency=4', 'taskMemoryMb=512', 'taskTimeoutSeconds=600'];
      const input = ['--input', 'fox.txt', '--reducers', '1'];

      const deployed = await whileBootstrapping(emulator, () =>
        mapreduce('deploy', '--local', '--jobs', 'jobs.ts', ...settings),
      );
      const submitted = await mapreduce(
        'submit',
        'longest',
        ...input,
        '--job-id',
        'fox',
        '--wait',
        '--quiet',
      );
      const downloaded = await mapreduce('results', 'fox', '--download', 'cloud', '--quiet');
      const embedded = await mapreduce('run', './longest.ts', ...input, '--output', 'here', '--quiet');

      expect(deployed.code, deployed.stderr).toBe(0);
      expect(deployed.stdout).toContain(
        `mapreduce submit longest --input <path>... --wait --stack ${stack} --local`,
      );
      expect(submitted.code, submitted.stderr).toBe(0);
      expect(downloaded.code, downloaded.stderr).toBe(0);
      expect(embedded.code, embedded.stderr).toBe(0);
      const part = (folder: string) => readFile(join(user.folder, folder, 'part-r-00000.tsv'), 'utf8');
      expect(await part('cloud')).toBe(await part('here'));
      expect(await part('cloud')).toContain('j\tjumps\n');
    },
  );
});
