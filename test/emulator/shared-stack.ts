/**
 * A stack for test files that need no settings of their own. Deploying one takes most of a minute of an emulator's time,
 * so a file takes one that another file has left, has it to itself, and leaves it as it was: there are as many as there
 * are files that run at the same time. A file that fails on the way keeps its stack, and nobody else meets what is in it.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployedStack, type Deployment } from './deployed-stack.ts';
import type { EmulatorUnderTest } from './with-emulator.ts';

/** At once, of map and reduce tasks. */
export const CONCURRENCY = 4;
const FREE = '.free.json';
const TAKEN = '.taken.json';

export interface SharedStack {
  readonly stack: DeployedStack;
  /** Once the tests of the file are over. */
  readonly release: () => Promise<void>;
}

/** With the apps of jobs/index.ts. */
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

/** Of several files that want the same one, the file whose rename succeeds has it. */
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
  const { outputs, deployMs } = await DeployedStack.deploy(emulator, {
    jobs: join(import.meta.dirname, 'jobs/index.ts'),
    maxConcurrency: CONCURRENCY,
    taskMemoryMb: 512,
    taskTimeoutSeconds: 600,
  });
  const taken = join(folder, `${randomBytes(5).toString('hex')}${TAKEN}`);
  await writeFile(taken, JSON.stringify({ outputs, deployMs } satisfies Deployment));
  return taken;
}
