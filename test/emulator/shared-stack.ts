/**
 * Shares stacks between test files that need no settings of their own, because deploying one takes most of a minute. A
 * test file takes a free stack or deploys one, uses it alone, restores it and releases it. There are therefore as many
 * stacks as files that run at the same time. A file that fails does not release its stack, so no other file sees what
 * it left.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployedStack, type Deployment } from './deployed-stack.ts';
import type { EmulatorUnderTest } from './with-emulator.ts';

/** The number of map tasks, and of reduce tasks, that run at the same time. */
export const CONCURRENCY = 4;
export const TASK_MEMORY_MB = 512;
export const SHARED_SETTINGS = {
  jobs: join(import.meta.dirname, 'jobs/index.ts'),
  maxConcurrency: CONCURRENCY,
  taskMemoryMb: TASK_MEMORY_MB,
  taskTimeoutSeconds: 600,
};
const FREE = '.free.json';
const TAKEN = '.taken.json';

export interface SharedStack {
  readonly stack: DeployedStack;
  /** Call this after the last test of the file. */
  readonly release: () => Promise<void>;
}

/** Takes a free stack, or deploys one with the apps of jobs/index.ts. */
export async function takeStack(emulator: EmulatorUnderTest): Promise<SharedStack> {
  const folder = join(emulator.folderOfRun, `stacks-${emulator.name}`);
  await mkdir(folder, { recursive: true });
  const taken = (await takeFree(folder)) ?? (await deployTaken(emulator, folder));
  const stack = new DeployedStack(emulator, JSON.parse(await readFile(taken, 'utf8')) as Deployment);
  await stack.forgetExecutions();
  return {
    stack,
    release: async () => {
      await stack.reset();
      await rename(taken, taken.replace(TAKEN, FREE));
    },
  };
}

/** If several files want the same stack, the file whose rename succeeds gets it. */
async function takeFree(folder: string): Promise<string | undefined> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(FREE)) continue;
    const taken = join(folder, name.replace(FREE, TAKEN));
    try {
      await rename(join(folder, name), taken);
      return taken;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

async function deployTaken(emulator: EmulatorUnderTest, folder: string): Promise<string> {
  const { stackName, outputs, deployMs } = await DeployedStack.deploy(emulator, SHARED_SETTINGS);
  const taken = join(folder, `${randomBytes(5).toString('hex')}${TAKEN}`);
  await writeFile(taken, JSON.stringify({ stackName, outputs, deployMs } satisfies Deployment));
  return taken;
}
