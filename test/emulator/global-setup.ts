/** Starts the emulators of this run once for all test files, and stops them at its end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

import { freePort } from '../../emulators/ports.ts';
import {
  type EmulatorName,
  EmulatorUnavailableError,
  type RunningEmulator,
  startLocalStack,
  startMiniStack,
} from '../../emulators/start.ts';
import { notices } from './notices.ts';
import { allSelected } from './selection.ts';
import type { ProvidedEmulator } from './with-emulator.ts';

const STARTERS = {
  localstack: { name: 'LocalStack', start: startLocalStack },
  ministack: { name: 'MiniStack', start: startMiniStack },
} as const;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running: RunningEmulator[] = [];
  const folderOfRun = await mkdtemp(join(tmpdir(), 'mapreduce-emulator-tests-'));
  const emulators = await Promise.all(
    chosenEmulators().map(({ name, start }) => startOrExplain(name, start, { running, folderOfRun })),
  );
  for (const notice of notices(emulators)) console.error(notice);
  if (!allSelected() && emulators.some(({ name }) => name === 'LocalStack')) {
    console.error(
      'LocalStack runs a selection (test/emulator/selection.ts); MAPREDUCE_EMULATOR_TESTS=all runs all',
    );
  }
  project.provide('emulators', emulators);
  return async () => {
    await Promise.all(running.map((emulator) => emulator.stop()));
    await rm(folderOfRun, { recursive: true, force: true });
  };
}

async function startOrExplain(
  name: EmulatorName,
  start: (options: { port: number }) => Promise<RunningEmulator>,
  { running, folderOfRun }: { running: RunningEmulator[]; folderOfRun: string },
): Promise<ProvidedEmulator> {
  try {
    // Not the default port, which two runs that start together would both find free.
    const emulator = await start({ port: await freePort() });
    running.push(emulator);
    console.error(
      `${name} ready after ${(emulator.startedInMs / 1000).toFixed(1)} s, log: ${emulator.logFile}`,
    );
    return {
      name,
      endpoint: emulator.endpoint,
      environment: emulator.environment,
      logFile: emulator.logFile,
      folderOfRun,
    };
  } catch (error) {
    // The other tests still run. Tests of the missing emulator fail or are skipped on their own.
    if (error instanceof EmulatorUnavailableError) {
      return { name, unavailable: error.message, mustRun: process.env.CI === 'true' };
    }
    return { name, unavailable: (error as Error).stack ?? String(error), mustRun: true };
  }
}

function chosenEmulators() {
  const wanted = (process.env.MAPREDUCE_EMULATORS ?? 'localstack').split(',').map((name) => name.trim());
  if (wanted.length === 1 && wanted[0] === 'none') return [];
  return wanted.map((name) => {
    if (name in STARTERS) return STARTERS[name as keyof typeof STARTERS];
    throw new Error(
      `MAPREDUCE_EMULATORS must be a list of localstack and ministack, or none; received "${name}"`,
    );
  });
}
